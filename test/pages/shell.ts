import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { writeFile } from 'node:fs/promises';

/** No command of a page prints it. */
const DONE = '\u001e';

/** A reader's shell: what one block sets, the next ones know. */
export class Shell {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #block: string;
  #printed = '';
  #ended = false;
  #wake: () => void = () => {};

  /** @param block the file that each block is put into */
  constructor(child: ChildProcessWithoutNullStreams, block: string) {
    this.#child = child;
    this.#block = block;
    child.stdout.on('data', (chunk: Buffer) => {
      this.#printed += chunk.toString();
      this.#wake();
    });
    child.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  /** What it prints, complaints included. Its input is empty, so that it reads nothing of what comes next. */
  async run(command: string): Promise<string> {
    await writeFile(this.#block, command);
    this.#printed = '';
    this.#child.stdin.write(`. ${this.#block} </dev/null 2>&1; printf '${DONE}'\n`);
    while (!this.#printed.endsWith(DONE)) {
      if (this.#ended) throw new Error(`the shell ended: ${this.#printed}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#printed.slice(0, -DONE.length);
  }
}
