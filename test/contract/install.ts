import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

export interface Installation {
  /** For the line that says what is skipped. */
  readonly name: string;
  /** The file that pins every version. */
  readonly pins: string;
  /** What is made, and kept until the pins change. */
  readonly folder: string;
  readonly commands: readonly (readonly [program: string, ...args: string[]])[];
}

/** The language is not here, or its registry does not answer. Anything else that an installer says is a failure. */
const OUT_OF_REACH =
  /spawn \S+ ENOENT|ensurepip is not available|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|NewConnectionError|ConnectTimeoutError|no such host|connection refused|i\/o timeout|No plugin found for prefix|Could not transfer artifact/;

/** Whether it is there. Where it cannot be had, one line says so. */
export async function install({ name, pins, folder, commands }: Installation): Promise<boolean> {
  const wanted = await readFile(pins, 'utf8');
  const installed = join(folder, 'installed-from');
  if ((await readFile(installed, 'utf8').catch(() => '')) === wanted) return true;
  try {
    await rm(folder, { recursive: true, force: true });
    for (const [program, ...args] of commands) await run(program, args);
  } catch (error) {
    const reason = OUT_OF_REACH.exec(String(error))?.[0];
    if (reason === undefined) throw error;
    console.log(`skipped, for want of ${name} (${reason})`);
    return false;
  }
  await writeFile(installed, wanted);
  return true;
}
