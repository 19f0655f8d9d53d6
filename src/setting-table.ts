import { isIP } from 'node:net';
import { type Address, parseAddress } from './client/address.ts';
import { boolean, choice, integer, optional, parsed, quote, type Setting } from './setting-kinds.ts';

// setTimeout holds 2^31-1 ms, and fires at once for more; beanstalkd bodies end at 1 GiB.
const HOUR_MS = 3_600_000;
const DAY_S = 86_400;
const GIB = 1_073_741_824;
const TIB = 1_099_511_627_776;

/** Every setting of the gateway: an environment variable of this name, and a flag (`PORT`, `--port`). */
export const table = {
  BEANSTALKD_URL: parsed(
    'beanstalkd://127.0.0.1:11300',
    readUrl,
    'beanstalkd://host:port, unix:/path, or own: the gateway starts and supervises one of its own',
  ),
  DATA_DIR: parsed('./data', readPath, "the binlog of the gateway's own beanstalkd"),
  HOST: parsed('127.0.0.1', readHost, 'the address or name to listen on'),
  PORT: integer(8080, { min: 0, max: 65_535 }, 'the port to listen on; 0 takes a free one'),
  API_KEYS_FILE: optional(
    readPath,
    'the keys of callers, as YAML or JSON; read again when it changes, and on SIGHUP',
  ),
  ALLOW_ANONYMOUS: boolean(false, 'needed to listen beyond loopback without keys, where anybody may call'),
  OPEN_METRICS: boolean(false, '/metrics needs no key'),
  OPEN_DOCS: boolean(false, 'the pages around the API need no key: /docs, /openapi.*, /problems/*, /'),
  METRICS_PORT: integer(
    0,
    { min: 0, max: 65_535 },
    'serves /metrics on this port of HOST, without key or TLS, and no longer beside the API; 0 does not',
  ),
  TLS_CERT_FILE: optional(
    readPath,
    'the certificate to serve HTTPS with, and its chain, as PEM; read again like the keys',
  ),
  TLS_KEY_FILE: optional(readPath, 'the private key of the certificate, as PEM'),
  TLS_CLIENT_CA_FILE: optional(readPath, 'callers need a certificate of one of these authorities, as PEM'),
  TRUST_PROXY: optional(
    readProxies,
    'addresses and networks of proxies in front, comma-separated (also loopback, linklocal, uniquelocal), whose X-Forwarded-For is believed',
  ),
  CORS_ORIGINS: optional(readOrigins, 'origins whose pages may call, comma-separated, or * for all'),
  RATE_PER_ADDRESS: integer(
    0,
    { min: 0, max: 1_000_000 },
    'calls a second of one address, or of one IPv6 /64; 0 is no limit',
  ),
  RATE_PER_KEY: integer(
    0,
    { min: 0, max: 1_000_000 },
    'calls a second of one key whose entry says nothing else; 0 is no limit',
  ),
  WAITS_PER_KEY: integer(
    0,
    { min: 0, max: 10_000_000 },
    'reserve requests of one key under way at once, unless its entry says otherwise; 0 is no limit',
  ),
  RESERVATIONS_PER_KEY: integer(
    0,
    { min: 0, max: 10_000_000 },
    'reservations of one key, held or waited for, unless its entry says otherwise; 0 is no limit',
  ),
  CONNECTIONS_MAX: integer(
    50_000,
    { min: 1, max: 10_000_000 },
    'connections of callers; those above are closed at once',
  ),
  CONNECT_TIMEOUT_MS: integer(
    5000,
    { min: 1, max: HOUR_MS },
    'the longest wait for a connection to beanstalkd',
  ),
  COMMAND_TIMEOUT_MS: integer(
    5000,
    { min: 1, max: HOUR_MS },
    'the deadline of every command that does not wait',
  ),
  // Node cuts the delay to whole seconds, and 0 leaves the kernel's two hours in place.
  KEEPALIVE_DELAY_MS: integer(
    10_000,
    { min: 1000, max: 32_767_000 },
    'idle time before TCP keepalive probes (in whole seconds), on both sides, and before a heartbeat to beanstalkd',
  ),
  RESERVE_TIMEOUT_MAX: integer(300, { min: 0, max: DAY_S }, 'the longest timeout of a reserve, in seconds'),
  RESERVE_GRACE_MS: integer(
    2000,
    { min: 100, max: HOUR_MS },
    "what a reserve's default deadline allows beyond its timeout",
  ),
  RESERVE_SLICE: integer(
    15,
    { min: 1, max: HOUR_MS / 1000 },
    'the longest single wait sent to beanstalkd, in seconds',
  ),
  POOL_MAX_CONNECTIONS: integer(
    256,
    { min: 4, max: 65_535 },
    'connections to beanstalkd, all kinds together',
  ),
  RESERVATIONS_MAX: integer(50_000, { min: 1, max: 10_000_000 }, 'reservations held at once'),
  BODY_MAX_BYTES: integer(
    16_777_216,
    { min: 1, max: GIB },
    "a job's body; the server's max-job-size where that is smaller",
  ),
  BUFFER_MAX_BYTES: integer(
    268_435_456,
    { min: 1, max: TIB },
    'all bodies in flight together, both ways; over it a call is 503 overloaded',
  ),
  RESPONSE_MAX_BYTES: integer(16_777_216, { min: 1, max: GIB }, 'bodies in one answer of several'),
  BATCH_MAX: integer(1000, { min: 1, max: 100_000 }, 'items in one batch'),
  RESERVE_WAITERS_MAX: integer(
    20_000,
    { min: 1, max: 10_000_000 },
    'waiting reserve requests; one more is 503 too-many-waiters',
  ),
  SHUTDOWN_GRACE_MS: integer(
    10_000,
    { min: 0, max: HOUR_MS },
    'how long a stop waits for reservations that are still held',
  ),
  METRICS_TUBES_MAX: integer(
    200,
    { min: 0, max: 100_000 },
    'tubes with series of their own in /metrics; the rest are summed up as one',
  ),
  IDEMPOTENCY_TTL: integer(
    600,
    { min: 1, max: DAY_S },
    'seconds for which a put with an Idempotency-Key is remembered',
  ),
  IDEMPOTENCY_MAX: integer(
    100_000,
    { min: 1, max: 10_000_000 },
    'jobs put with an Idempotency-Key that are remembered, of single puts and of batches each; beyond it the oldest are forgotten early',
  ),
  LOG_LEVEL: choice(
    ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
    'info',
    'the least severe messages to log',
  ),
  LOG_REQUESTS: choice(
    ['all', 'failed', 'none'],
    undefined,
    'the requests to log a line for, failed being 4xx and 5xx',
    'failed; all on a terminal',
  ),
} as const satisfies Record<string, Setting<unknown>>;

function readUrl(text: string): { readonly own: true } | { readonly own: false; readonly address: Address } {
  if (text === 'own') return { own: true };
  try {
    return { own: false, address: parseAddress(text) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${quote(text)}: ${reason}, or own`, { cause });
  }
}

function readPath(text: string): string {
  if (text.includes('\0')) throw new Error('a path holds no NUL');
  return text;
}

function readHost(text: string): string {
  if (isIP(text) === 0 && !/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9.])?$/.test(text)) {
    throw new Error(`${quote(text)} is neither an IP address nor a host name`);
  }
  return text;
}

const NETWORK_NAMES = ['loopback', 'linklocal', 'uniquelocal'];

function readProxies(text: string): readonly string[] {
  const networks = text.split(',').map((network) => network.trim());
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/');
    const longest = isIP(address) === 6 ? 128 : 32;
    const isNetwork =
      isIP(address) !== 0 &&
      more.length === 0 &&
      (bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= longest));
    if (!isNetwork && !NETWORK_NAMES.includes(network))
      throw new Error(`${quote(network)} is no address, no network and none of ${NETWORK_NAMES.join(', ')}`);
  }
  return networks;
}

function readOrigins(text: string): '*' | readonly string[] {
  if (text === '*') return text;
  const origins = text.split(',').map((origin) => origin.trim());
  for (const origin of origins) {
    // As a browser sends it: scheme, host and port, nothing else.
    if (!URL.canParse(origin) || new URL(origin).origin !== origin || origin.includes('*'))
      throw new Error(`${quote(origin)} is no origin, such as https://app.example.com`);
  }
  return origins;
}
