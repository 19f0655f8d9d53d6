import { renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { watchFiles } from '../../src/access/file-watch.ts';
import { KeyFileError } from '../../src/access/key-file-error.ts';
import { Keys } from '../../src/access/keys.ts';
import { poll } from '../support/beanstalkd.ts';
import { entry } from './entry.ts';

const REFUSED = 'API_KEYS_FILE is not accepted, the keys stay as they were';
const READ = 'the API keys have been read again';

let folder: string;
let path: string;
let keys: Keys | undefined;
let lines: { level: number; msg: string; problem?: string; keys?: number }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
  path = join(folder, 'keys.json');
  lines = [];
});

afterEach(async () => {
  keys?.close();
  keys = undefined;
  await rm(folder, { recursive: true, force: true });
});

function open(): Keys {
  keys = Keys.open(
    path,
    pino({ base: null, timestamp: false }, { write: (line) => lines.push(JSON.parse(line)) }),
  );
  return keys;
}

/** In one step, so that nobody looks in the middle. */
function replace(text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Whoever watches a file later is told later. */
async function afterTheyWereTold(change: () => void | Promise<void>): Promise<void> {
  let calls = 0;
  const unwatch = watchFiles([path], () => {
    calls += 1;
  });
  await poll('the watch has begun', () => calls > 0);
  const before = calls;
  await change();
  await poll('the change is seen', () => calls > before);
  unwatch();
}

const write = (...names: string[]) => replace(JSON.stringify({ keys: names.map((name) => entry(name)) }));

describe('at the start', () => {
  test('the keys of the file are known, and nothing is logged', async () => {
    write('a', 'b');
    const opened = open();
    expect(opened.find('secret-of-b')?.name).toBe('b');
    expect(opened.find('secret-of-c')).toBeUndefined();
    expect(lines).toEqual([]);
  });

  test('a file that is wrong or not there is an error of one line', async () => {
    expect(open).toThrow(new KeyFileError('cannot be read: ENOENT'));
    path = folder;
    expect(open).toThrow(new KeyFileError('cannot be read: EISDIR'));
    path = join(folder, 'wrong');
    await writeFile(path, '{}');
    expect(open).toThrow(new KeyFileError('keys is missing'));
  });
});

describe('later', () => {
  test('new content is taken by itself, and once', async () => {
    write('a');
    const opened = open();
    write('b', 'c');
    await poll('the new key is known', () => opened.find('secret-of-c') !== undefined);
    expect(opened.find('secret-of-a')).toBeUndefined();
    opened.reload();
    expect(lines).toEqual([
      { level: 30, keys: 2, msg: READ },
      { level: 30, keys: 2, msg: READ },
    ]);
  });

  test('bad content leaves the keys as they were, and says so once', async () => {
    write('a');
    const opened = open();
    replace('keys: [{}]');
    await poll('it is refused', () => lines.length > 0);
    expect(opened.find('secret-of-a')?.name).toBe('a');
    // Touched, with nothing new in it.
    await afterTheyWereTold(() => utimes(path, 1, 1));
    write('a');
    await poll('it is good again', () => lines.length > 1);
    expect(lines).toEqual([
      { level: 50, problem: 'keys[0].name is missing', msg: REFUSED },
      { level: 30, keys: 1, msg: READ },
    ]);
  });

  test('a file that vanishes leaves them too, and is taken when it comes back', async () => {
    write('a');
    const opened = open();
    await rm(path);
    await poll('it is missed', () => lines.length > 0);
    expect(opened.find('secret-of-a')?.name).toBe('a');
    write('a');
    await poll('it is back', () => lines.some(({ msg }) => msg === READ));
    expect(lines[0]).toEqual({ level: 50, problem: 'cannot be read: ENOENT', msg: REFUSED });
  });

  test('reload reads at once, and says what came of it even where nothing is new', () => {
    write('a');
    const opened = open();
    opened.reload();
    write('b');
    opened.reload();
    expect(opened.find('secret-of-b')?.name).toBe('b');
    replace('keys');
    opened.reload();
    opened.reload();
    const problem = 'the file is not a mapping with the list keys';
    expect(lines).toEqual([
      { level: 30, keys: 1, msg: READ },
      { level: 30, keys: 1, msg: READ },
      { level: 50, problem, msg: REFUSED },
      { level: 50, problem, msg: REFUSED },
    ]);
  });

  test('not after close', async () => {
    write('a');
    const opened = open();
    opened.close();
    await afterTheyWereTold(() => write('b'));
    expect(opened.find('secret-of-a')?.name).toBe('a');
    expect(lines).toEqual([]);
  });
});
