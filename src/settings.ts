import { BlockList, isIP } from 'node:net';
import { parseArgs } from 'node:util';
import { quote, type Setting } from './setting-kinds.ts';
import { table } from './setting-table.ts';

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
  requireFitting(settings);
  return settings;
}

/** Settings that are wrong together. */
function requireFitting(settings: Settings): void {
  const { HOST, PORT, METRICS_PORT, TLS_CERT_FILE, TLS_KEY_FILE, TLS_CLIENT_CA_FILE } = settings;
  if (isForAnybody(settings) && !settings.ALLOW_ANONYMOUS) {
    throw new SettingsError(
      `HOST: ${HOST} is reachable from other machines, where anybody could call; set API_KEYS_FILE, or ALLOW_ANONYMOUS=true if that is meant`,
    );
  }
  if ((TLS_CERT_FILE === undefined) !== (TLS_KEY_FILE === undefined)) {
    const [has, lacks] =
      TLS_KEY_FILE === undefined ? ['TLS_CERT_FILE', 'TLS_KEY_FILE'] : ['TLS_KEY_FILE', 'TLS_CERT_FILE'];
    throw new SettingsError(`${lacks}: is missing, and ${has} needs it`);
  }
  if (TLS_CLIENT_CA_FILE !== undefined && TLS_CERT_FILE === undefined) {
    throw new SettingsError('TLS_CLIENT_CA_FILE: needs TLS_CERT_FILE and TLS_KEY_FILE');
  }
  if (METRICS_PORT !== 0 && METRICS_PORT === PORT) {
    throw new SettingsError(`METRICS_PORT: ${METRICS_PORT} is the port of the API`);
  }
}

const isForAnybody = ({ HOST, API_KEYS_FILE }: Settings) => !isLoopback(HOST) && API_KEYS_FILE === undefined;

/** What works but is probably not meant: lines for the log at the start. */
export function doubts(settings: Settings): string[] {
  const found: string[] = [];
  if (isForAnybody(settings)) {
    const who = settings.TLS_CLIENT_CA_FILE === undefined ? 'anybody who reaches' : 'any certified caller of';
    found.push(`ALLOW_ANONYMOUS: ${who} ${settings.HOST} may do everything`);
  }
  if (
    settings.API_KEYS_FILE !== undefined &&
    settings.TLS_CERT_FILE === undefined &&
    !isLoopback(settings.HOST)
  ) {
    found.push(
      `API_KEYS_FILE: without TLS keys are readable on the way to ${settings.HOST}; have a proxy in front`,
    );
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

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

function isLoopback(host: string): boolean {
  const family = isIP(host);
  // Any other name may resolve to anything, so it counts as beyond.
  if (family === 0) return host.toLowerCase() === 'localhost';
  return loopback.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
