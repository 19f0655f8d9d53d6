import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** beanstalkd's own bound for `-z`. */
const LARGEST = 1_073_741_824;

/**
 * The `-z` to start with: what is wanted now, but never less than any start on this DATA_DIR had. Read
 * back with a smaller one, beanstalkd drops the jobs that are too big, and all behind them in that file.
 */
export async function rememberMaxJobSize(dataDir: string, wanted: number): Promise<number> {
  const file = join(dataDir, 'max-job-size');
  const before = await readSize(file);
  const size = Math.max(Math.min(wanted, LARGEST), before ?? 0);
  if (size !== before) {
    await writeFile(`${file}.new`, `${size}\n`);
    await rename(`${file}.new`, file);
  }
  return size;
}

async function readSize(file: string): Promise<number | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  const size = Number(text);
  // Whatever stood there, the largest loses nothing.
  return Number.isSafeInteger(size) && size > 0 && size <= LARGEST ? size : LARGEST;
}
