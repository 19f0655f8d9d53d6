import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseKeyFile } from '../../src/access/key-file.ts';
import { KeyFileError } from '../../src/access/key-file-error.ts';
import { RIGHTS } from '../../src/access/rights.ts';
import { digestOf, entry } from './entry.ts';

function refusal(text: string): string {
  try {
    parseKeyFile(text);
  } catch (error) {
    if (error instanceof KeyFileError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${text}`);
}

test('the digest of nothing is none of a key', () => {
  const keys = [entry('a'), { ...entry('b'), sha256: digestOf('').toUpperCase() }];
  expect(refusal(JSON.stringify({ keys }))).toBe('keys[1].sha256 is that of an empty key');
});

describe('what is read', () => {
  test('YAML, with all that a key may have', () => {
    const text = `
# Who may do what.
keys:
  - name: billing-worker
    sha256: ${digestOf('x').toUpperCase()}
    rights: [produce, consume]
    tubes: ["billing.*"]
    expires: 2027-01-01T00:00:00Z   # the end of the contract
    ratePerSecond: 500
    maxWaits: 100
    maxReservations: 1000
  - name: "42"
    sha256: ${digestOf('y')}
    rights:
      - inspect
    tubes:
      - mail
      - "*.dead"
`;
    expect(parseKeyFile(text)).toEqual([
      {
        name: 'billing-worker',
        sha256: digestOf('x').toUpperCase(),
        rights: ['produce', 'consume'],
        tubes: ['billing.*'],
        expires: '2027-01-01T00:00:00Z',
        ratePerSecond: 500,
        maxWaits: 100,
        maxReservations: 1000,
      },
      { name: '42', sha256: digestOf('y'), rights: ['inspect'], tubes: ['mail', '*.dead'] },
    ]);
  });

  test('JSON, also with tabs and a byte order mark', () => {
    const keys = [entry('a'), entry('b')];
    expect(parseKeyFile(JSON.stringify({ keys }))).toEqual(keys);
    expect(parseKeyFile(`\uFEFF${JSON.stringify({ keys }, null, '\t')}\r\n`)).toEqual(keys);
  });

  test('no keys at all', () => {
    expect(parseKeyFile('keys: []')).toEqual([]);
  });

  test('YAML 1.2 also where the file says 1.1: a date is a text, and 010 is ten', () => {
    const keys = `keys: [{name: a, sha256: ${digestOf('a')}, rights: [admin], tubes: [a], expires: 2027-01-01T00:00:00Z, maxWaits: 010}]`;
    expect(parseKeyFile(`%YAML 1.1\n---\n${keys}`)).toMatchObject([
      { expires: '2027-01-01T00:00:00Z', maxWaits: 10 },
    ]);
  });

  test('property: whatever is right is read as it is', () => {
    const of = (characters: string, maxLength: number) =>
      fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength });
    const key = fc.record(
      {
        name: of('ABZabz0189._-', 64),
        sha256: fc.stringMatching(/^[0-9a-fA-F]{64}$/),
        rights: fc.uniqueArray(fc.constantFrom(...RIGHTS), { minLength: 1 }),
        tubes: fc.array(of('ABZabz0189-+/;.$_()*', 200), { minLength: 1, maxLength: 5 }),
        expires: fc
          .date({ min: new Date(0), noInvalidDate: true })
          .map((date) => date.toISOString().slice(-24)),
        ratePerSecond: fc.integer({ min: 1, max: 1_000_000 }),
        maxWaits: fc.integer({ min: 1, max: 10_000_000 }),
        maxReservations: fc.integer({ min: 1, max: 10_000_000 }),
      },
      { requiredKeys: ['name', 'sha256', 'rights', 'tubes'] },
    );
    const keys = fc.uniqueArray(key, { maxLength: 5, selector: ({ name }) => name });
    fc.assert(
      fc.property(keys, (list) => {
        expect(parseKeyFile(JSON.stringify({ keys: list }))).toEqual(list);
      }),
    );
  });
});

const A = `name: a, sha256: ${digestOf('a')}`;
const long = 'x'.repeat(100);

describe('what is refused, in one line that says where and what', () => {
  test.each([
    ['', 'the file is not a mapping with the list keys'],
    ['[]', 'the file is not a mapping with the list keys'],
    ['hunter2', 'the file is not a mapping with the list keys'],
    ['{}', 'keys is missing'],
    ['keys:', 'keys is not a list'],
    ['keys: {}', 'keys is not a list'],
    ['keys: hunter2', 'keys is not a list'],
    ['keys: []\nmore: 1', 'more is not a known member'],
    ['keys: [hunter2]', 'keys[0] is not a mapping of name, sha256, rights, tubes'],
    [`keys: [{sha256: ${digestOf('a')}, rights: [admin], tubes: [a]}]`, 'keys[0].name is missing'],
    ['keys: [{name: a, rights: [admin], tubes: [a]}]', 'keys[0].sha256 is missing'],
    [`keys: [{${A}, tubes: [a]}]`, 'keys[0].rights is missing'],
    [`keys: [{${A}, rights: [admin]}]`, 'keys[0].tubes is missing'],
    [`keys: [{${A}, right: [admin], tubes: [a]}]`, 'keys[0].right is not a known member'],
    [`keys: [{${A}, rights: [admin], tubes: [a], max-waits: 1}]`, 'keys[0].max-waits is not a known member'],
    [`keys: [{${A}, rights: [admin], tubes: [a], __proto__: {}}]`, 'keys[0]["…"] is not a known member'],
    [
      `%YAML 1.1\n---\nkeys: [{${A}, rights: [admin], tubes: [a], <<: {}}]`,
      'keys[0]["…"] is not a known member',
    ],
    [
      `keys: [{${A}, rights: [], tubes: [a]}]`,
      'keys[0].rights is not a list of at least one right, none of them twice',
    ],
    [
      `keys: [{${A}, rights: admin, tubes: [a]}]`,
      'keys[0].rights "admin" is not a list of at least one right, none of them twice',
    ],
    [
      `keys: [{${A}, rights: [admin, admin], tubes: [a]}]`,
      'keys[0].rights is not a list of at least one right, none of them twice',
    ],
    [
      `keys: [{${A}, rights: [admin, read], tubes: [a]}]`,
      'keys[0].rights[1] "read" is none of produce, consume, inspect, admin',
    ],
    [
      `keys: [{${A}, rights: [${long}], tubes: [a]}]`,
      'keys[0].rights[0] is none of produce, consume, inspect, admin',
    ],
    [`keys: [{${A}, rights: [admin], tubes: []}]`, 'keys[0].tubes is not a list of at least one pattern'],
    [
      `keys: [{${A}, rights: [admin], tubes: ["a b"]}]`,
      `keys[0].tubes[0] "a b" is not 1 to 200 of the characters of a tube's name and *`,
    ],
    [
      `keys: [{${A}, rights: [admin], tubes: [a, ""]}]`,
      `keys[0].tubes[1] "" is not 1 to 200 of the characters of a tube's name and *`,
    ],
    [
      `keys: [{${A}, rights: [admin], tubes: [${long}${long}x]}]`,
      `keys[0].tubes[0] is not 1 to 200 of the characters of a tube's name and *`,
    ],
    [
      `keys: [{name: ${long.slice(35)}, sha256: ${digestOf('a')}, rights: [admin], tubes: [a]}]`,
      'keys[0].name is not 1 to 64 of A-Z a-z 0-9 . _ -',
    ],
    [
      `keys: [{name: a b, sha256: ${digestOf('a')}, rights: [admin], tubes: [a]}]`,
      'keys[0].name "a b" is not 1 to 64 of A-Z a-z 0-9 . _ -',
    ],
    [
      `keys: [{name: "a\\n", sha256: ${digestOf('a')}, rights: [admin], tubes: [a]}]`,
      'keys[0].name "a\\n" is not 1 to 64 of A-Z a-z 0-9 . _ -',
    ],
    [
      `keys: [{name: 42, sha256: ${digestOf('a')}, rights: [admin], tubes: [a]}]`,
      'keys[0].name 42 is not 1 to 64 of A-Z a-z 0-9 . _ -',
    ],
    [
      'keys: [{name: a, sha256: hunter2, rights: [admin], tubes: [a]}]',
      'keys[0].sha256 is not 64 hex digits',
    ],
    [
      `keys: [{name: a, sha256: ${digestOf('a')}0, rights: [admin], tubes: [a]}]`,
      'keys[0].sha256 is not 64 hex digits',
    ],
  ])('%s', (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  const time = 'is not an RFC 3339 time with its offset, such as 2027-01-01T00:00:00Z';
  test.each([
    ['ratePerSecond', '0', '0 is not a whole number from 1 to 1000000'],
    ['ratePerSecond', '1000001', '1000001 is not a whole number from 1 to 1000000'],
    ['ratePerSecond', '1.5', '1.5 is not a whole number from 1 to 1000000'],
    ['ratePerSecond', '"5"', '"5" is not a whole number from 1 to 1000000'],
    ['ratePerSecond', 'true', 'true is not a whole number from 1 to 1000000'],
    ['ratePerSecond', '.inf', 'Infinity is not a whole number from 1 to 1000000'],
    ['maxWaits', '10000001', '10000001 is not a whole number from 1 to 10000000'],
    ['maxReservations', '-1', '-1 is not a whole number from 1 to 10000000'],
    ['expires', '2027-01-01', `"2027-01-01" ${time}`],
    ['expires', '2027-01-01T00:00:00', `"2027-01-01T00:00:00" ${time}`],
    ['expires', '2027-02-30T00:00:00Z', `"2027-02-30T00:00:00Z" ${time}`],
    ['expires', '2027-01-01T00:00:00+24:00', `"2027-01-01T00:00:00+24:00" ${time}`],
    ['expires', '2016-12-31T23:59:60Z', `"2016-12-31T23:59:60Z" ${time}`],
    ['expires', '"2027-01-01T00:00:00Z[UTC]"', `"2027-01-01T00:00:00Z[UTC]" ${time}`],
    ['expires', '1798761600', `1798761600 ${time}`],
  ])('%s: %s', (member, value, message) => {
    const text = `keys: [{${A}, rights: [admin], tubes: [a], ${member}: ${value}}]`;
    expect(refusal(text)).toBe(`keys[0].${member} ${message}`);
  });

  test('a name or a digest twice', () => {
    const twice = (one: object, other: object) =>
      refusal(JSON.stringify({ keys: [one, entry('between'), other] }));
    expect(twice(entry('a'), entry('a', { sha256: digestOf('b') }))).toBe(
      'keys[2].name is that of keys[0] too',
    );
    const sha256 = digestOf('same');
    expect(twice(entry('a', { sha256 }), entry('b', { sha256: sha256.toUpperCase() }))).toBe(
      'keys[2].sha256 is that of keys[0] too',
    );
  });

  test.each([
    ['keys: []\nkeys: []', 'line 2, column 1: Map keys must be unique'],
    ['{"keys": [], "keys": []}', 'line 1, column 14: Map keys must be unique'],
    ['keys:\n\t- name: a', 'line 2, column 1: Tabs are not allowed as indentation'],
    [
      'keys: [',
      'line 1, column 8: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
    ['keys: "abc', 'line 1, column 11: Missing closing "quote'],
    ['keys: a: b', 'line 1, column 7: Nested mappings are not allowed in compact mappings'],
    ['? [keys]\n: []', 'line 1, column 3: With stringKeys, all keys must be strings'],
    ['keys: []\n---\nkeys: []', 'line 2, column 1: a second document begins'],
    ['%YAML 1.3\n---\nkeys: []', 'line 1, column 7: Unsupported YAML version 1.3'],
    ['keys: !mine []', 'line 1, column 7: Unresolved tag'],
    ['keys: !!set {a}', 'line 1, column 7: Unresolved tag'],
    ['keys: !!binary aGk=', 'line 1, column 7: Unresolved tag'],
    [
      'keys:\n  - tubes: [*.mail]',
      'line 2, column 13: aliases are not read here; a pattern that begins with * needs quotes',
    ],
    [
      'keys:\n  - tubes: [*]',
      'line 2, column 13: aliases are not read here; a pattern that begins with * needs quotes',
    ],
    [
      'a: &a [1]\nb: *a',
      'line 2, column 4: aliases are not read here; a pattern that begins with * needs quotes',
    ],
  ])('no YAML that is read here: %j', (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test('a file that is too large', () => {
    const most = `keys: []\n#${'ü'.repeat(524_283)}`;
    expect(parseKeyFile(most)).toEqual([]);
    expect(refusal(`${most}x`)).toBe('is larger than 1 MiB');
  });

  test.each(['- ', '[', '{a: ', 'a: ', '? '])('a nest of %j, which would end the process', (open) => {
    expect(refusal(open.repeat(100_000))).toMatch(/^line 1, column \d+: nested too deeply$/);
  });
});

describe('no secret gets into a message', () => {
  const key = `bg_${'Kk7-'.repeat(10)}abc`;
  test.each([key, digestOf('a')])('%s', (secret) => {
    const texts = [
      secret,
      `@${secret}`,
      `- ${secret}`,
      `${secret}: 1`,
      `keys: ${secret}`,
      `keys: [${secret}]`,
      `keys: [{${A}, rights: [admin], tubes: [a], key: ${secret}}]`,
      `keys: [{${A}, rights: [admin], tubes: [a], ${secret}: 1}]`,
      `keys: [{${A}, rights: [${secret}], tubes: [a]}]`,
      `keys: [{${A}, rights: [admin], tubes: [a], expires: ${secret}}]`,
      `keys: [{name: a, sha256: ${secret}x, rights: [admin], tubes: [a]}]`,
      `keys: [{name: "${secret} ", sha256: ${digestOf('a')}, rights: [admin], tubes: [a]}]`,
      `keys: *${secret}`,
      `keys: !${secret} 1`,
      `keys: |${secret}\n x`,
      `keys: "\\x${secret}"`,
      `%${secret}\n---\nkeys: []`,
      `keys: []\n${secret}`,
      `keys: []\n]${secret}`,
    ];
    for (const text of texts) expect(refusal(text)).not.toContain(secret);
  });
});
