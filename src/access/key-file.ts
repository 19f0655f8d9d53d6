import { KeyFileError } from './key-file-error.ts';
import { faultIn, isKeyFile, type KeyEntry } from './key-schema.ts';
import { readYaml } from './strict-yaml.ts';

const MAX_BYTES = 1_048_576;
/** What a script makes of a variable that is not set. */
const DIGEST_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

/** The keys of a key file, in YAML or JSON. Throws a KeyFileError that says where something is wrong, and what. */
export function parseKeyFile(text: string): readonly KeyEntry[] {
  if (Buffer.byteLength(text) > MAX_BYTES) throw new KeyFileError('is larger than 1 MiB');
  const file = readYaml(text);
  if (!isKeyFile(file)) {
    const { path, problem } = faultIn(file);
    throw new KeyFileError(`${placeOf(path)} ${problem}`);
  }
  const names = file.keys.map(({ name }) => name);
  const digests = file.keys.map(({ sha256 }) => sha256.toLowerCase());
  const empty = digests.indexOf(DIGEST_OF_NOTHING);
  if (empty !== -1) throw new KeyFileError(`keys[${empty}].sha256 is that of an empty key`);
  refuseTwins('name', names);
  refuseTwins('sha256', digests);
  return file.keys;
}

function refuseTwins(member: 'name' | 'sha256', values: readonly string[]): void {
  const first = new Map<string, number>();
  for (const [n, value] of values.entries()) {
    const twin = first.get(value);
    if (twin !== undefined) throw new KeyFileError(`keys[${n}].${member} is that of keys[${twin}] too`);
    first.set(value, n);
  }
}

/** `keys[2].rights[0]`; a member with a name that no member has may be anything, even a key. */
function placeOf(path: readonly string[]): string {
  if (path.length === 0) return 'the file';
  const steps = path.map((step) => {
    if (/^\d+$/.test(step)) return `[${step}]`;
    return /^[A-Za-z][\w-]{0,31}$/.test(step) ? `.${step}` : '["…"]';
  });
  return steps.join('').replace(/^\./, '');
}
