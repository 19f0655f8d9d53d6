import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SCRIPT = join(import.meta.dirname, '../../scripts/install-beanstalkd.mjs');
let bin: string;

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), 'install-test-'));
  await symlink('/usr/bin/env', join(bin, 'env'));
});

afterEach(() => rm(bin, { recursive: true, force: true }));

/** A program that only this PATH knows. */
async function program(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(bin, name), 0o755);
}

function install(env: Record<string, string> = {}): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [SCRIPT], { env: { PATH: bin, ...env }, encoding: 'utf8' });
}

test('does nothing where beanstalkd is there', async () => {
  await program('beanstalkd', '');
  await program('apt-get', 'exit 1');
  expect(install()).toMatchObject({ status: 0, stderr: '' });
});

test('says in one line what to do where there is no package manager', () => {
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr).toMatch(/^beanstalkd is not installed: install it from [^\n]+\n$/);
});

test('runs nothing with NO_INSTALL, and says in one line what to do', async () => {
  await program('dnf', 'echo ran >&2');
  const { status, stderr } = install({ NO_INSTALL: '1' });
  expect(status).toBe(1);
  expect(stderr).toBe(
    'beanstalkd is not installed: NO_INSTALL is set; install it with: sudo dnf install -y beanstalkd\n',
  );
});

// Anybody else would need sudo, which is not on this PATH.
test.runIf(process.getuid?.() === 0)(
  'with apt: update, then install, without starting a service',
  async () => {
    const place = `[ "$1" = update ] && exit 1; : > "${bin}/beanstalkd"; /bin/chmod 755 "${bin}/beanstalkd"`;
    await program('apt-get', `echo "run level $RUNLEVEL, $DEBIAN_FRONTEND"; ${place}`);
    const { status, stderr } = install();
    expect(stderr.trim().split('\n')).toEqual([
      '$ env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get update',
      'run level 1, noninteractive',
      '$ env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends beanstalkd',
      'run level 1, noninteractive',
    ]);
    expect(status).toBe(0);
  },
);

test.runIf(process.getuid?.() === 0)('ends with one line when the package manager fails', async () => {
  await program('apk', 'exit 3');
  const { status, stderr } = install();
  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toEqual([
    '$ apk add beanstalkd',
    'beanstalkd is not installed: apk could not install it; install it with: sudo apk add beanstalkd',
  ]);
});
