import { readFileSync } from 'node:fs';

/** A fenced block: what stands behind its fence, and what is in it. */
interface Block {
  readonly language: string;
  /** Of the file that the reader makes of it; empty for one to be run, or to be compared. */
  readonly file: string;
  readonly text: string;
}

/** What is typed, and what it prints. */
interface Step {
  readonly command: string;
  readonly output: string;
}

/** What stands under one heading. */
export interface Recipe {
  readonly heading: string;
  /** The programs that it says it needs, besides curl. */
  readonly needs: readonly string[];
  readonly steps: readonly Step[];
  /** By name. One that is told in several blocks is all of them in a row. */
  readonly files: ReadonlyMap<string, string>;
}

const FENCE = /^```(\w+) ?(\S*)\n(.*?)^```$/gms;
/** What else begins with # is a comment in a block: no empty line follows it. */
const SECTION = /^(?=#{1,6} .+\n\n)/m;
const HEADING = /^#{1,6} (.+)$/m;
const NEEDS = /^Needs ([\w, ]+?)(?: \d+)?\.$/m;

/** The recipes of a page at the root of the project or in `docs`. */
export function recipesOf(path: string): readonly Recipe[] {
  const markdown = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
  return markdown.split(SECTION).map((section) => {
    const blocks = [...section.matchAll(FENCE)].map(
      ([, language = '', file = '', text = '']): Block => ({ language, file, text }),
    );
    return {
      heading: HEADING.exec(section)?.[1] ?? '',
      needs: NEEDS.exec(section)?.[1]?.split(', ') ?? [],
      steps: stepsOf(blocks),
      files: filesOf(blocks),
    };
  });
}

function filesOf(blocks: readonly Block[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  for (const { file, text } of blocks) if (file !== '') files.set(file, (files.get(file) ?? '') + text);
  return files;
}

/** A `sh` block prints the `text` block that follows it, or nothing; a `console` block has both, with prompts. */
function stepsOf(blocks: readonly Block[]): Step[] {
  const unnamed = blocks.filter(({ file }) => file === '');
  return unnamed.flatMap(({ language, text }, at): Step[] => {
    if (language === 'console') return consoleSteps(text);
    if (language !== 'sh') return [];
    const next = unnamed[at + 1];
    return [{ command: text, output: next?.language === 'text' ? next.text : '' }];
  });
}

const consoleSteps = (text: string): Step[] =>
  text
    .split(/^\$ /m)
    .filter((part) => part !== '')
    .map((part) => {
      const [command = '', ...output] = part.split('\n');
      return { command, output: output.join('\n') };
    });
