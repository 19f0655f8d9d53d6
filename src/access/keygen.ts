import { createHash, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { quote } from '../setting-kinds.ts';
import { faultIn, isKeyFile, type KeyEntry } from './key-schema.ts';

/** So that people, and programs that look for leaked secrets, know what they see. */
const PREFIX = 'bg_';
/** 256 bits cannot be guessed, so a plain hash of them is safe to store. */
const KEY_BYTES = 32;

const USAGE = `Usage: beanstalkd-gateway keygen --name <name> --rights <rights> --tubes <patterns> [limits]

Makes a new API key, and prints it with its entry for the file that API_KEYS_FILE names.

  --name <name>
      whose key it is: 1 to 64 of A-Z a-z 0-9 . _ -
  --rights <rights>
      one or more of produce, consume, inspect, admin, with commas between them
  --tubes <patterns>
      the tubes that it covers, with commas between them; * is any run of characters: 'billing.*,mail'
  --expires <time>
      when it ends, as 2027-01-01T00:00:00Z. Default: never
  --rate-per-second <number>
      calls in a second (1 to 1000000)
  --max-waits <number>
      reserves that wait at once (1 to 10000000)
  --max-reservations <number>
      reservations that are held or waited for at once (1 to 10000000)
  -h, --help
      this text
`;

const STRING = { type: 'string' } as const;

const asText = (text: string): unknown => text;
const asList = (text: string): unknown => text.split(',');
/** What is no number is left to the schema, which says so. */
const asNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

type Member = Exclude<keyof KeyEntry, 'sha256'>;

const readers: Readonly<Record<Member, (text: string) => unknown>> = {
  name: asText,
  rights: asList,
  tubes: asList,
  expires: asText,
  ratePerSecond: asNumber,
  maxWaits: asNumber,
  maxReservations: asNumber,
};

/** `maxWaits` to `--max-waits`. */
const flagOf = (member: string) => `--${member.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/**
 * What `beanstalkd-gateway keygen` prints: a new key, and its entry for the key file; with `--help`, its usage.
 * Throws an Error whose message is one line that names the flag that is wrong.
 */
export function keygen(argv: readonly string[]): string {
  if (argv.includes('--help') || argv.includes('-h')) return USAGE;
  const key = PREFIX + randomBytes(KEY_BYTES).toString('base64url');
  const sha256 = createHash('sha256').update(key).digest('hex');
  const file = { keys: [{ ...readFlags(argv), sha256 }] };
  if (!isKeyFile(file)) {
    const { path, problem } = faultIn(file);
    throw new Error(`${flagOf(path[2] ?? '')} ${problem}`);
  }
  return [
    'The key. It is shown only this once:',
    '',
    key,
    '',
    'Its entry, to be put under "keys:" in the file that API_KEYS_FILE names:',
    '',
    ...file.keys.map(yamlOf),
    '',
  ].join('\n');
}

function readFlags(argv: readonly string[]): Record<string, unknown> {
  const members = new Map(
    Object.entries(readers).map(([member, read]) => [flagOf(member), { member, read }]),
  );
  const options = Object.fromEntries([...members.keys()].map((flag) => [flag.slice(2), STRING]));
  // Strict mode would throw messages of several sentences.
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const given = new Map<string, unknown>();
  for (const token of tokens) {
    if (token.kind === 'positional') throw new Error(`unexpected argument ${quote(token.value)}`);
    if (token.kind !== 'option') continue;
    const { rawName: flag, value = '', inlineValue } = token;
    const known = members.get(flag);
    if (known === undefined) throw new Error(`unknown flag ${quote(flag)}; keygen --help lists all`);
    // `--name --rights produce`: the next flag is no value.
    if (value === '' || (!inlineValue && value.startsWith('--'))) throw new Error(`${flag} needs a value`);
    if (given.has(known.member)) throw new Error(`${flag} is given twice`);
    given.set(known.member, known.read(value));
  }
  return Object.fromEntries(given);
}

/** JSON is YAML, so each value can be written as the one or the other. */
function yamlOf({ name, sha256, ...rest }: KeyEntry): string {
  const members = Object.entries({ name, sha256, ...rest });
  const lines = members.map(([member, value]) => `${member}: ${JSON.stringify(value)}`);
  return `  - ${lines.join('\n    ')}`;
}
