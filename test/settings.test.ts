import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { table } from '../src/setting-table.ts';
import { asksFor, doubts, flagOf, readSettings, SettingsError } from '../src/settings.ts';
import { helpText } from '../src/settings-help.ts';

const names = Object.keys(table) as (keyof typeof table)[];

function refusal(argv: string[], env: Record<string, string> = {}): string {
  try {
    readSettings(argv, env);
  } catch (error) {
    if (error instanceof SettingsError) return error.message;
    throw error;
  }
  throw new Error(`accepted ${JSON.stringify({ argv, env })}`);
}

/** The table of the contract, written down a second time on purpose. */
const defaults = {
  DATA_DIR: './data',
  HOST: '127.0.0.1',
  PORT: 8080,
  API_KEYS_FILE: undefined,
  ALLOW_ANONYMOUS: false,
  OPEN_METRICS: false,
  OPEN_DOCS: false,
  METRICS_PORT: 0,
  TLS_CERT_FILE: undefined,
  TLS_KEY_FILE: undefined,
  TLS_CLIENT_CA_FILE: undefined,
  TRUST_PROXY: undefined,
  CORS_ORIGINS: undefined,
  RATE_PER_ADDRESS: 0,
  RATE_PER_KEY: 0,
  WAITS_PER_KEY: 0,
  RESERVATIONS_PER_KEY: 0,
  CONNECTIONS_MAX: 50_000,
  CONNECT_TIMEOUT_MS: 5000,
  COMMAND_TIMEOUT_MS: 5000,
  KEEPALIVE_DELAY_MS: 10_000,
  RESERVE_TIMEOUT_MAX: 300,
  RESERVE_GRACE_MS: 2000,
  RESERVE_SLICE: 15,
  POOL_MAX_CONNECTIONS: 256,
  RESERVATIONS_MAX: 50_000,
  BODY_MAX_BYTES: 16_777_216,
  BUFFER_MAX_BYTES: 268_435_456,
  RESPONSE_MAX_BYTES: 16_777_216,
  BATCH_MAX: 1000,
  RESERVE_WAITERS_MAX: 20_000,
  SHUTDOWN_GRACE_MS: 10_000,
  METRICS_TUBES_MAX: 200,
  IDEMPOTENCY_TTL: 600,
  IDEMPOTENCY_MAX: 100_000,
  LOG_LEVEL: 'info',
  LOG_REQUESTS: undefined,
};

describe('values', () => {
  test('the defaults are those of the contract', () => {
    expect(readSettings([], {})).toEqual({
      ...defaults,
      BEANSTALKD_URL: { own: false, address: { host: '127.0.0.1', port: 11_300 } },
    });
  });

  test('a variable beats the default, a flag beats the variable', () => {
    expect(readSettings([], { PORT: '81' }).PORT).toBe(81);
    expect(readSettings(['--port', '82'], { PORT: '81' }).PORT).toBe(82);
    expect(readSettings(['--port=83'], { PORT: '81' }).PORT).toBe(83);
  });

  test('a flag hides a variable that is wrong', () => {
    expect(readSettings(['--port=83'], { PORT: 'eighty' }).PORT).toBe(83);
  });

  test('an empty variable counts as unset, other variables do not matter', () => {
    expect(readSettings([], { PORT: '', HOST: '', PORTS: 'x', port: '1' })).toEqual(readSettings([], {}));
  });

  test('of a repeated flag the last one holds', () => {
    expect(readSettings(['--port=1', '--port', '2'], {}).PORT).toBe(2);
  });

  test('every flag reaches the setting of its name', () => {
    for (const name of names) {
      if (typeof table[name].fallback !== 'number') continue;
      // Within the range of every number, and the default of none.
      const value = 1234;
      expect(readSettings([`--${flagOf(name)}`, String(value)], {})[name]).toBe(value);
      expect(readSettings([], { [name]: String(value) })[name]).toBe(value);
    }
  });

  test.each([
    [['--allow-anonymous'], {}, true],
    [['--allow-anonymous=false'], { ALLOW_ANONYMOUS: 'true' }, false],
    [[], { ALLOW_ANONYMOUS: 'true' }, true],
    [[], { ALLOW_ANONYMOUS: '1' }, true],
    [[], { ALLOW_ANONYMOUS: '0' }, false],
  ])('a boolean: %j %j', (argv, env, expected) => {
    expect(readSettings(argv, env).ALLOW_ANONYMOUS).toBe(expected);
  });

  test.each([
    ['beanstalkd://queue', { own: false, address: { host: 'queue', port: 11_300 } }],
    ['beanstalkd://queue:1234', { own: false, address: { host: 'queue', port: 1234 } }],
    ['beanstalkd://[::1]:1234', { own: false, address: { host: '::1', port: 1234 } }],
    ['unix:/run/b.sock', { own: false, address: { path: '/run/b.sock' } }],
    ['own', { own: true }],
  ])('BEANSTALKD_URL %s', (url, expected) => {
    expect(readSettings(['--beanstalkd-url', url], {}).BEANSTALKD_URL).toEqual(expected);
  });

  test.each([
    ['127.0.0.1', ['127.0.0.1']],
    ['loopback,linklocal,uniquelocal', ['loopback', 'linklocal', 'uniquelocal']],
    ['10.0.0.0/8, ::1 ,fd00::/8', ['10.0.0.0/8', '::1', 'fd00::/8']],
    ['10.0.0.0/1,10.0.0.1/32,fd00::/128', ['10.0.0.0/1', '10.0.0.1/32', 'fd00::/128']],
  ])('TRUST_PROXY %s', (text, expected) => {
    expect(readSettings([], { TRUST_PROXY: text }).TRUST_PROXY).toEqual(expected);
  });

  test.each([
    ['*', '*'],
    ['https://app.example.com', ['https://app.example.com']],
    ['https://a.example, http://localhost:3000', ['https://a.example', 'http://localhost:3000']],
    ['http://[::1]:8080', ['http://[::1]:8080']],
  ])('CORS_ORIGINS %s', (text, expected) => {
    expect(readSettings([], { CORS_ORIGINS: text }).CORS_ORIGINS).toEqual(expected);
  });

  test('files are taken as they are written, and TLS with or without callers’ certificates', () => {
    const files = { API_KEYS_FILE: 'keys.yaml', TLS_CERT_FILE: '/a b/tls.crt', TLS_KEY_FILE: '../tls.key' };
    expect(readSettings([], files)).toMatchObject({ ...files, TLS_CLIENT_CA_FILE: undefined });
    const all = { ...files, TLS_CLIENT_CA_FILE: 'ca.crt' };
    expect(readSettings([], all)).toMatchObject(all);
  });

  test.each([
    ['METRICS_PORT', 0, 65_535],
    ['RATE_PER_ADDRESS', 0, 1_000_000],
    ['RATE_PER_KEY', 0, 1_000_000],
    ['WAITS_PER_KEY', 0, 10_000_000],
    ['RESERVATIONS_PER_KEY', 0, 10_000_000],
    ['CONNECTIONS_MAX', 1, 10_000_000],
  ] as const)('%s is %i to %i', (name, min, max) => {
    for (const value of [min, max]) expect(readSettings([], { [name]: `${value}` })[name]).toBe(value);
    for (const value of [min - 1, max + 1]) {
      expect(refusal([], { [name]: `${value}` })).toBe(
        `${name}: ${value} is out of range, it must be ${min} to ${max}`,
      );
    }
  });

  test('a whole number in every range is taken as it is, any other text is refused by name', () => {
    const numbers = names.filter((name) => typeof table[name].fallback === 'number');
    fc.assert(
      fc.property(fc.constantFrom(...numbers), fc.integer({ min: 1000, max: 3600 }), (name, value) => {
        expect(readSettings([], { [name]: String(value) })[name]).toBe(value);
      }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...numbers),
        fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !/^-?\d+$/.test(text)),
        (name, text) => {
          expect(refusal([], { [name]: text })).toMatch(new RegExp(`^${name}: "[^]*is not a whole number$`));
        },
      ),
    );
  });
});

describe('refusals are one line that names the setting', () => {
  test.each<[string[], Record<string, string>, RegExp]>([
    [['--prot', '80'], {}, /^unknown flag "--prot"/],
    [['-p', '80'], {}, /^unknown flag "-p"/],
    [['--no-allow-anonymous'], {}, /^unknown flag "--no-allow-anonymous"/],
    [['serve'], {}, /^unexpected argument "serve"$/],
    [['--', '--port'], {}, /^unexpected argument "--port"$/],
    [['--allow-anonymous', 'false'], {}, /^unexpected argument "false"$/],
    [['--port'], {}, /^PORT: --port needs a value$/],
    [['--port='], {}, /^PORT: --port needs a value$/],
    [['--host', '--port', '80'], {}, /^HOST: --host needs a value$/],
    [['--port', 'eighty'], {}, /^PORT \(--port\): "eighty" is not a whole number$/],
    [[], { PORT: '80.5' }, /^PORT: "80.5" is not a whole number$/],
    [[], { PORT: '1e3' }, /^PORT: /],
    [[], { PORT: '0x50' }, /^PORT: /],
    [[], { PORT: ' 80' }, /^PORT: /],
    [['--port', '-1'], {}, /^PORT \(--port\): -1 is out of range, it must be 0 to 65535$/],
    [[], { PORT: '65536' }, /^PORT: 65536 is out of range/],
    [[], { KEEPALIVE_DELAY_MS: '999' }, /^KEEPALIVE_DELAY_MS: 999 is out of range, it must be 1000 to/],
    [[], { POOL_MAX_CONNECTIONS: '3' }, /^POOL_MAX_CONNECTIONS: 3 is out of range, it must be 4 to/],
    [[], { BODY_MAX_BYTES: '1073741825' }, /^BODY_MAX_BYTES: /],
    [[], { ALLOW_ANONYMOUS: 'yes' }, /^ALLOW_ANONYMOUS: "yes" is neither true nor false$/],
    [[], { LOG_LEVEL: 'loud' }, /^LOG_LEVEL: "loud" is none of trace, .*silent$/],
    [[], { LOG_REQUESTS: 'some' }, /^LOG_REQUESTS: "some" is none of all, failed, none$/],
    [[], { BEANSTALKD_URL: 'http://queue' }, /^BEANSTALKD_URL: "http:\/\/queue": expected beanstalkd:/],
    [[], { BEANSTALKD_URL: 'unix:run/b.sock' }, /^BEANSTALKD_URL: .*absolute/],
    [[], { BEANSTALKD_URL: 'beanstalkd://queue:99999' }, /^BEANSTALKD_URL: /],
    [[], { HOST: '[::1]' }, /^HOST: .*neither an IP address nor a host name$/],
    [[], { HOST: 'a b' }, /^HOST: /],
    [[], { OPEN_METRICS: 'yes' }, /^OPEN_METRICS: "yes" is neither true nor false$/],
    [['--open-docs=no'], {}, /^OPEN_DOCS \(--open-docs\): "no" is neither true nor false$/],
    [[], { API_KEYS_FILE: 'a\0b' }, /^API_KEYS_FILE: a path holds no NUL$/],
    [['--api-keys-file='], {}, /^API_KEYS_FILE: --api-keys-file needs a value$/],
    [['--metrics-port', '9000'], { PORT: '9000' }, /^METRICS_PORT: 9000 is the port of the API$/],
    [[], { METRICS_PORT: '8080' }, /^METRICS_PORT: 8080 is the port of the API$/],
    [[], { TLS_CERT_FILE: 'a' }, /^TLS_KEY_FILE: is missing, and TLS_CERT_FILE needs it$/],
    [[], { TLS_KEY_FILE: 'a' }, /^TLS_CERT_FILE: is missing, and TLS_KEY_FILE needs it$/],
    [
      [],
      { TLS_KEY_FILE: 'a', TLS_CLIENT_CA_FILE: 'b' },
      /^TLS_CERT_FILE: is missing, and TLS_KEY_FILE needs it$/,
    ],
    [[], { TLS_CLIENT_CA_FILE: 'a' }, /^TLS_CLIENT_CA_FILE: needs TLS_CERT_FILE and TLS_KEY_FILE$/],
    [[], { LOG_LEVEL: 'two\nlines' }, /^LOG_LEVEL: "two\\nlines" is none of/],
  ])('%j %j', (argv, env, expected) => {
    const message = refusal(argv, env);
    expect(message).toMatch(expected);
    expect(message).not.toContain('\n');
  });

  test.each([
    'proxy.example',
    'Loopback',
    '*',
    '10.0.0.0/33',
    '10.0.0.0/0',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/255.0.0.0',
    '::1/129',
    '::/0',
    '[::1]',
    '10.0.0.256',
  ])('TRUST_PROXY %s', (network) => {
    const line = `TRUST_PROXY: "${network}" is no address, no network and none of loopback, linklocal, uniquelocal`;
    expect(refusal([], { TRUST_PROXY: network })).toBe(line);
    expect(refusal([], { TRUST_PROXY: `127.0.0.1, ${network} ,::1` })).toBe(line);
  });

  test.each([
    'app.example.com',
    'https://app.example.com/',
    'https://app.example.com/console',
    'https://app.example.com:443',
    'https://APP.example.com',
    'https://me@app.example.com',
    'https://*.example.com',
    'file:///',
    'null',
  ])('CORS_ORIGINS %s', (origin) => {
    const line = `CORS_ORIGINS: "${origin}" is no origin, such as https://app.example.com`;
    expect(refusal([], { CORS_ORIGINS: origin })).toBe(line);
    expect(refusal([], { CORS_ORIGINS: `http://localhost, ${origin}` })).toBe(line);
  });

  test.each([
    ['TRUST_PROXY', ',', '"" is no address, no network and none of loopback, linklocal, uniquelocal'],
    ['CORS_ORIGINS', 'https://a.example,', '"" is no origin, such as https://app.example.com'],
    ['CORS_ORIGINS', '*,https://a.example', '"*" is no origin, such as https://app.example.com'],
  ])('%s %s', (name, text, problem) => {
    expect(refusal([], { [name]: text })).toBe(`${name}: ${problem}`);
  });

  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.org', 'localhost.example.org', '::ffff:192.0.2.1'])(
    'HOST %s needs ALLOW_ANONYMOUS, and is doubted with it',
    (host) => {
      expect(refusal([], { HOST: host })).toMatch(/^HOST: .*ALLOW_ANONYMOUS=true/);
      const settings = readSettings(['--allow-anonymous'], { HOST: host });
      expect(settings.HOST).toBe(host);
      expect(doubts(settings)).toEqual([expect.stringContaining('ALLOW_ANONYMOUS')]);
    },
  );

  test.each(['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1', 'localhost'])('HOST %s does not', (host) => {
    expect(doubts(readSettings([], { HOST: host }))).toEqual([]);
  });

  test('beyond loopback keys do instead, and are doubted without TLS', () => {
    const keys = { HOST: '0.0.0.0', API_KEYS_FILE: 'keys.yaml' };
    expect(doubts(readSettings([], keys))).toEqual([
      'API_KEYS_FILE: without TLS keys are readable on the way to 0.0.0.0; have a proxy in front',
    ]);
    expect(doubts(readSettings([], { ...keys, TLS_CERT_FILE: 'a', TLS_KEY_FILE: 'b' }))).toEqual([]);
    expect(doubts(readSettings([], { API_KEYS_FILE: 'keys.yaml' }))).toEqual([]);
  });

  test('TLS alone does not, nor do certificates of callers', () => {
    const tls = { HOST: '0.0.0.0', TLS_CERT_FILE: 'a', TLS_KEY_FILE: 'b', TLS_CLIENT_CA_FILE: 'c' };
    expect(refusal([], tls)).toMatch(/^HOST: .*ALLOW_ANONYMOUS=true/);
    expect(doubts(readSettings(['--allow-anonymous'], tls))).toEqual([
      'ALLOW_ANONYMOUS: any certified caller of 0.0.0.0 may do everything',
    ]);
  });

  test('a body that no buffer holds is doubted', () => {
    expect(doubts(readSettings([], { BUFFER_MAX_BYTES: '1000' }))).toEqual([
      expect.stringMatching(/^BODY_MAX_BYTES/),
    ]);
  });
});

describe('--help', () => {
  test('lists every flag with its default, within 100 columns', () => {
    const text = helpText();
    for (const name of names) {
      expect(text).toContain(`--${flagOf(name)}`);
      // A line break may stand before the default.
      expect(text.replaceAll(/\s+/g, ' ')).toContain(`Default: ${table[name].shown}`);
    }
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('is asked for by --help and -h, the version by --version and -v, a start by all else', () => {
    expect(asksFor(['--port', '80', '--help'])).toBe('help');
    expect(asksFor(['-h'])).toBe('help');
    expect(asksFor(['--version'])).toBe('version');
    expect(asksFor(['-v'])).toBe('version');
    expect(asksFor(['--port', '80'])).toBeUndefined();
    expect(asksFor(['--', '--help'])).toBeUndefined();
  });
});
