import { Composer, Lexer, LineCounter, Parser, visit } from 'yaml';
import { KeyFileError } from './key-file-error.ts';

/** Some 800 levels exhaust the stack of the composer, and then V8 may end the process; a key file has 6. */
const DEPTH_MAX = 32;

const OPTIONS = {
  // Also for a file that begins with `%YAML 1.1`: no merge keys, dates or octal numbers that nobody meant.
  schema: 'core',
  resolveKnownTags: false,
  stringKeys: true,
  prettyErrors: false,
} as const;

/**
 * The value of a YAML 1.2 document (JSON is one): mappings, lists, texts, numbers, booleans and null. Throws a
 * KeyFileError that gives the line and column, also for aliases and for tags that are not of the core schema.
 */
export function readYaml(text: string): unknown {
  const lines = new LineCounter();
  const refuse = (offset: number, reason: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new KeyFileError(`line ${line}, column ${col}: ${reason}`);
  };

  function* tokens() {
    const parser = new Parser(lines.addNewLine);
    lines.addNewLine(0);
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > DEPTH_MAX) refuse(parser.offset, 'nested too deeply');
    }
    yield* parser.end();
  }

  const [document, second] = [...new Composer(OPTIONS).compose(tokens(), true, text.length)];
  if (document === undefined) return undefined;
  if (second !== undefined) refuse(second.range[0], 'a second document begins');
  // Before the errors: a lone * is one, and this says what to do about it.
  visit(document, {
    Alias: (_key, { range }) =>
      refuse(range?.[0] ?? 0, 'aliases are not read here; a pattern that begins with * needs quotes'),
  });
  const [error] = [...document.errors, ...document.warnings];
  if (error !== undefined) refuse(error.pos[0], withoutContent(error.message));
  return document.toJS();
}

/** Some messages repeat what stands in the file, which may be a secret: behind a colon, or as a word. */
const withoutContent = (message: string) => message.replace(/(?<=\w): .*/s, '').replace(/\S{32,}/g, '…');
