import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rememberMaxJobSize } from '../../src/own/max-job-size.ts';

const GIB = 1_073_741_824;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-size-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('grows with what is wanted, and never shrinks', async () => {
  expect(await rememberMaxJobSize(folder, 1000)).toBe(1000);
  expect(await rememberMaxJobSize(folder, 500)).toBe(1000);
  expect(await rememberMaxJobSize(folder, 2000)).toBe(2000);
  expect(await rememberMaxJobSize(folder, 1)).toBe(2000);
  expect(await readFile(join(folder, 'max-job-size'), 'utf8')).toBe('2000\n');
});

test("ends at beanstalkd's own bound", async () => {
  expect(await rememberMaxJobSize(folder, 10 * GIB)).toBe(GIB);
});

test.each(['', 'rubbish', '-1', '0', '1.5', String(GIB + 1)])(
  'takes the largest where "%s" stood',
  async (text) => {
    await writeFile(join(folder, 'max-job-size'), text);
    expect(await rememberMaxJobSize(folder, 1000)).toBe(GIB);
  },
);
