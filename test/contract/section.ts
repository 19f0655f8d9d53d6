import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { recipesOf } from '../pages/page.ts';

/** What each program of docs/CLIENTS.md prints: the body of its job, a problem, and how many raw bytes came. */
export const PRINTED = 'Hello, worker!\n404 /problems/reservation-not-found none\n2\n';

/** A section of docs/CLIENTS.md, taken at its word. */
export class Section {
  readonly commands: readonly string[];
  readonly #files: ReadonlyMap<string, string>;

  constructor(heading: string) {
    const recipe = recipesOf('docs/CLIENTS.md').find((section) => section.heading === heading);
    if (recipe === undefined) throw new Error(`no section is named ${heading}`);
    this.commands = recipe.steps.flatMap(({ command }) => command.trim().split('\n'));
    this.#files = recipe.files;
  }

  /** The command that begins like this. */
  command(beginning: string): string {
    const command = this.commands.find((line) => line.startsWith(`${beginning} `));
    if (command === undefined) throw new Error(`no command begins with ${beginning}`);
    return command;
  }

  /** Every file, into a folder. */
  async write(folder: string): Promise<void> {
    for (const [name, text] of this.#files) await writeFile(join(folder, name), text);
  }
}
