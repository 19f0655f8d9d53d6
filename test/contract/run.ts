import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

export interface Circumstances {
  readonly cwd?: string;
  /** Beside that of the tests. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** What a program printed, both ways. Fails with it too: compilers complain on stdout. */
export async function run(
  program: string,
  args: readonly string[],
  { cwd, environment = {} }: Circumstances = {},
): Promise<string> {
  const options = { cwd, env: { ...process.env, ...environment }, timeout: 120_000, maxBuffer: 1 << 24 };
  const { stdout, stderr } = await execute(program, args, options).catch((error: Error) => {
    throw new Error(`${error.message}\n${Reflect.get(error, 'stdout')}`);
  });
  return stdout + stderr;
}
