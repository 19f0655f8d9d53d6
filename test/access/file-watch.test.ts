import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFiles } from '../../src/access/file-watch.ts';
import { poll } from '../support/beanstalkd.ts';

let folder: string;
let path: string;
let calls: number;
let unwatch: () => void = () => {};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-watch-'));
  path = join(folder, 'keys.yaml');
  await writeFile(path, 'one');
});

afterEach(async () => {
  unwatch();
  await rm(folder, { recursive: true, force: true });
});

/** Watches, and waits for the call that comes by itself soon after the start. */
async function watch(...paths: string[]): Promise<void> {
  calls = 0;
  unwatch = watchFiles(paths, () => {
    calls += 1;
  });
  await poll('it looks once', () => calls === 1);
}

async function expectSeen(change: () => Promise<unknown>): Promise<void> {
  const before = calls;
  await change();
  await poll('the change is seen', () => calls > before);
}

test('a file that is written again', async () => {
  await watch(path);
  await expectSeen(() => writeFile(path, 'two'));
  await expectSeen(() => writeFile(path, 'three'));
});

test('a file that another one is renamed over', async () => {
  await watch(path);
  await writeFile(`${path}.new`, 'two');
  await expectSeen(() => rename(`${path}.new`, path));
});

test('a file that vanishes and comes back', async () => {
  await watch(path);
  await expectSeen(() => rm(path));
  await expectSeen(() => writeFile(path, 'one'));
});

test('a file behind a symlink to a folder that is swapped, as in a volume of Kubernetes', async () => {
  for (const version of ['v1', 'v2']) {
    await mkdir(join(folder, version));
    await writeFile(join(folder, version, 'keys.yaml'), version);
  }
  await symlink('v1', join(folder, '..data'));
  await symlink('..data/keys.yaml', join(folder, 'linked.yaml'));
  await watch(join(folder, 'linked.yaml'));
  await symlink('v2', join(folder, '..data_tmp'));
  await expectSeen(() => rename(join(folder, '..data_tmp'), join(folder, '..data')));
});

test('any of several files', async () => {
  const other = join(folder, 'other.pem');
  await writeFile(other, 'one');
  await watch(path, other);
  await expectSeen(() => writeFile(other, 'two'));
  await expectSeen(() => writeFile(path, 'two'));
});

test('whoever stops hears nothing more, the others on the same file do', async () => {
  await watch(path);
  let others = 0;
  const unwatchOther = watchFiles([path], () => {
    others += 1;
  });
  try {
    await poll('the other looks once', () => others === 1);
    unwatch();
    const before = calls;
    await writeFile(path, 'two');
    await poll('the other sees it', () => others === 2);
    expect(calls).toBe(before);
  } finally {
    unwatchOther();
  }
});
