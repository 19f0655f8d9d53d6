import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PAGE = fileURLToPath(new URL('../../docs/CLIENTS.md', import.meta.url));

/** What each program of the page prints: the body of its job, a problem, and how many raw bytes came. */
export const PRINTED = 'Hello, worker!\n404 /problems/reservation-not-found none\n2\n';

/**
 * A section of docs/CLIENTS.md, taken at its word. A block of code whose first line is a comment with the name of a file
 * begins that file, and the next blocks of the same language go on with it; blocks of `sh` are commands.
 */
export class Section {
  readonly commands: readonly string[];
  readonly #files: ReadonlyMap<string, string>;

  private constructor(commands: readonly string[], files: ReadonlyMap<string, string>) {
    this.commands = commands;
    this.#files = files;
  }

  static async read(heading: string): Promise<Section> {
    const page = await readFile(PAGE, 'utf8');
    const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`));
    if (section === undefined) throw new Error(`no section is named ${heading}`);
    const commands: string[] = [];
    const files = new Map<string, string>();
    let file = '';
    for (const [, language, code = ''] of section.matchAll(/^```(\w+)\n(.*?)^```$/gms)) {
      if (language === 'sh') {
        commands.push(...code.trim().split('\n'));
        continue;
      }
      file = /^(?:\/\/|#) (\S+\.\w+)\n/.exec(code)?.[1] ?? file;
      files.set(file, (files.get(file) ?? '') + code);
    }
    return new Section(commands, files);
  }

  /** The command that begins with this program. */
  command(program: string): string {
    const command = this.commands.find((line) => line.startsWith(`${program} `) || line === program);
    if (command === undefined) throw new Error(`no command begins with ${program}`);
    return command;
  }

  /** Every file, into a folder. */
  async write(folder: string): Promise<void> {
    for (const [name, text] of this.#files) await writeFile(join(folder, name), text);
  }
}
