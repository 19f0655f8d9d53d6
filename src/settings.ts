import { BlockList, isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { type Address, parseAddress } from './client/address.ts';
import { boolean, choice, integer, parsed, quote, type Setting } from './setting-kinds.ts';

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
  ALLOW_ANONYMOUS: boolean(false, 'needed to listen beyond loopback, where anybody may call'),
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

type Table = typeof table;
type SettingName = keyof Table;

/** What the gateway runs with. `LOG_REQUESTS` is undefined where nobody chose. */
export type Settings = { readonly [Name in SettingName]: ReturnType<Table[Name]['parse']> };

/** A setting is wrong; the message is one line that names it. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** `SETTING_NAME` to `setting-name`. */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll('_', '-');
}

const names = Object.keys(table) as SettingName[];
const nameOfFlag = new Map<string, SettingName>(names.map((name) => [flagOf(name), name]));

/** Whether the command line asks for something other than a start. */
export function asksFor(argv: readonly string[]): 'help' | 'version' | undefined {
  for (const word of argv) {
    if (word === '--') return undefined;
    if (word === '--help' || word === '-h') return 'help';
    if (word === '--version' || word === '-v') return 'version';
  }
  return undefined;
}

/** The settings: flags first, then the environment, then the defaults. Throws a SettingsError. */
export function readSettings(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Settings {
  const flags = readFlags(argv);
  const values = names.map((name) => {
    const setting: Setting<unknown> = table[name];
    const flag = flags.get(name);
    // An empty variable counts as unset: compose files and CI write `PORT=` for "no opinion".
    const text = flag ?? (env[name] || undefined);
    if (text === undefined) return [name, setting.fallback];
    try {
      return [name, setting.parse(text)];
    } catch (cause) {
      const source = flag === undefined ? name : `${name} (--${flagOf(name)})`;
      throw new SettingsError(`${source}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
  });
  const settings = Object.fromEntries(values) as Settings;
  if (!isLoopback(settings.HOST) && !settings.ALLOW_ANONYMOUS) {
    throw new SettingsError(
      `HOST: ${settings.HOST} is reachable from other machines, where anybody could call; set ALLOW_ANONYMOUS=true if that is meant`,
    );
  }
  return settings;
}

/** What works but is probably not meant: lines for the log at the start. */
export function doubts(settings: Settings): string[] {
  const found: string[] = [];
  if (!isLoopback(settings.HOST)) {
    found.push(`ALLOW_ANONYMOUS: anybody who reaches ${settings.HOST} may do everything`);
  }
  if (settings.BODY_MAX_BYTES > settings.BUFFER_MAX_BYTES) {
    found.push(
      'BODY_MAX_BYTES is above BUFFER_MAX_BYTES: a body of that size will always be refused as overloaded',
    );
  }
  return found;
}

function readFlags(argv: readonly string[]): Map<SettingName, string> {
  const options = Object.fromEntries(
    names.map((name) => [
      flagOf(name),
      { type: table[name].isBoolean ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  // Strict mode would throw messages of several sentences that do not name the setting.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const flags = new Map<SettingName, string>();
  for (const token of tokens) {
    if (token.kind === 'positional') throw new SettingsError(`unexpected argument ${quote(token.value)}`);
    if (token.kind !== 'option') continue;
    const name = nameOfFlag.get(token.name);
    if (name === undefined || token.rawName !== `--${token.name}`) {
      throw new SettingsError(`unknown flag ${quote(token.rawName)}; --help lists all`);
    }
    const value = token.value ?? (table[name].isBoolean ? 'true' : '');
    // `--host --port 80`: the next flag is no value.
    if (value === '' || (!token.inlineValue && value.startsWith('--'))) {
      throw new SettingsError(`${name}: ${token.rawName} needs a value`);
    }
    flags.set(name, value);
  }
  return flags;
}

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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  // Any other name may resolve to anything, so it counts as beyond.
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
