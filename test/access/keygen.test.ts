import { describe, expect, test } from 'vitest';
import { parseKeyFile } from '../../src/access/key-file.ts';
import { KeyRing } from '../../src/access/key-ring.ts';
import { keygen } from '../../src/access/keygen.ts';

const needed = ['--name', 'billing-worker', '--rights', 'produce,consume', '--tubes', 'billing.*,mail'];

/** What a person copies from what is printed. */
function copied(text: string): { key: string; file: string } {
  const [, key = '', , , , ...entry] = text.split('\n').slice(1);
  return { key, file: ['keys:', ...entry].join('\n') };
}

describe('what it prints', () => {
  test('a key, and an entry by which the key is found', () => {
    const limits = ['--expires', '2027-01-01T00:00:00Z', '--rate-per-second=500', '--max-waits', '100'];
    const { key, file } = copied(keygen([...needed, ...limits, '--max-reservations', '1000']));
    expect(key).toMatch(/^bg_[A-Za-z0-9_-]{43}$/);
    const entries = parseKeyFile(file);
    expect(entries).toEqual([
      {
        name: 'billing-worker',
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        rights: ['produce', 'consume'],
        tubes: ['billing.*', 'mail'],
        expires: '2027-01-01T00:00:00Z',
        ratePerSecond: 500,
        maxWaits: 100,
        maxReservations: 1000,
      },
    ]);
    expect(new KeyRing(entries).find(key)?.name).toBe('billing-worker');
  });

  test('no limits that nobody asked for, and names that YAML could take for something else', () => {
    for (const name of ['42', 'true', 'null', '1e3', '.inf', '0x1f', '-', '--x', '2027-01-01']) {
      const { file } = copied(keygen(['--rights', 'admin', '--tubes', '*', `--name=${name}`]));
      expect(parseKeyFile(file)).toEqual([
        { name, sha256: expect.any(String), rights: ['admin'], tubes: ['*'] },
      ]);
    }
  });

  test('another key each time, and the key nowhere in the entry', () => {
    const made = Array.from({ length: 20 }, () => copied(keygen(needed)));
    expect(new Set(made.map(({ key }) => key)).size).toBe(20);
    for (const { key, file } of made) expect(file).not.toContain(key.slice(3));
  });

  test('that the key is shown only once', () => {
    expect(keygen(needed)).toMatch(/^The key\. It is shown only this once:\n/);
  });

  test.each([[['--help']], [['-h']], [[...needed, '--help']]])('the usage: %j', (argv) => {
    const usage = keygen(argv);
    expect(usage).toMatch(/^Usage: beanstalkd-gateway keygen /);
    expect(usage).not.toContain('bg_');
    for (const flag of [
      'name',
      'rights',
      'tubes',
      'expires',
      'rate-per-second',
      'max-waits',
      'max-reservations',
    ]) {
      expect(usage).toContain(`--${flag} <`);
    }
  });
});

describe('what is refused, in one line that names the flag', () => {
  test.each([
    [[], '--name is missing'],
    [needed.slice(2), '--name is missing'],
    [needed.slice(0, 4), '--tubes is missing'],
    [['--name', 'a b', ...needed.slice(2)], '--name "a b" is not 1 to 64 of A-Z a-z 0-9 . _ -'],
    [
      [...needed.slice(0, 3), 'read', ...needed.slice(4)],
      '--rights "read" is none of produce, consume, inspect, admin',
    ],
    [
      [...needed.slice(0, 3), 'admin,admin', ...needed.slice(4)],
      '--rights is not a list of at least one right, none of them twice',
    ],
    [[...needed.slice(0, 5), 'a,,b'], `--tubes "" is not 1 to 200 of the characters of a tube's name and *`],
    [[...needed, '--max-waits', '1e3'], '--max-waits "1e3" is not a whole number from 1 to 10000000'],
    [[...needed, '--rate-per-second', '0'], '--rate-per-second 0 is not a whole number from 1 to 1000000'],
    [
      [...needed, '--expires', '2027-01-01'],
      '--expires "2027-01-01" is not an RFC 3339 time with its offset, such as 2027-01-01T00:00:00Z',
    ],
    [[...needed, '--sha256', 'x'], 'unknown flag "--sha256"; keygen --help lists all'],
    [[...needed, '--maxWaits', '1'], 'unknown flag "--maxWaits"; keygen --help lists all'],
    [[...needed, '-n', 'x'], 'unknown flag "-n"; keygen --help lists all'],
    [[...needed, 'billing.csv'], 'unexpected argument "billing.csv"'],
    [[...needed, '--', 'x'], 'unexpected argument "x"'],
    [[...needed, '--name', 'b'], '--name is given twice'],
    [['--name', ...needed.slice(2)], '--name needs a value'],
    [['--name=', ...needed.slice(2)], '--name needs a value'],
    [[...needed, '--expires'], '--expires needs a value'],
  ])('%j', (argv, message) => {
    expect(() => keygen(argv)).toThrow(new Error(message));
  });
});
