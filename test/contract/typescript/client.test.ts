import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Beanstalkd } from '../../support/beanstalkd.ts';
import { startGateway, type TestGateway } from '../../support/gateway.ts';

const execute = promisify(execFile);

/** Fails with what the program printed: compilers complain on stdout. */
const run = (program: string, args: readonly string[]) =>
  execute(program, args, { cwd: folder }).catch((error: Error & { stdout?: string }) => {
    throw new Error(`${error.message}\n${error.stdout ?? ''}`);
  });
const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = join(root, 'test/contract/typescript');
const bin = join(here, 'node_modules/.bin');

let beanstalkd: Beanstalkd;
let gateway: TestGateway;
let folder: string;

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
  gateway = await startGateway(beanstalkd);
  folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await gateway.stop();
  await beanstalkd.stop();
});

test('a TypeScript client generated from the document compiles, and tells the story of a job', async () => {
  // A package of its own, installed when it is first needed.
  if (!existsSync(bin)) await run('npm', ['ci', '--prefix', here]);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const file of ['story.ts', 'tsconfig.json']) await copyFile(join(here, file), join(folder, file));
  const document = join(root, 'openapi/openapi.yaml');
  await run(join(bin, 'openapi-ts'), ['--input', document, '--output', 'client', '--no-log-file']);
  await run(join(bin, 'tsc'), []);
  const { stderr } = await run(process.execPath, ['out/story.js', gateway.url]);
  expect(stderr).toBe('');
}, 120_000);
