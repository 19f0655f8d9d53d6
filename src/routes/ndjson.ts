import { isUtf8 } from 'node:buffer';

/** One line: its value, or that it is no JSON. */
export type Line = { readonly value: unknown } | { readonly malformed: string };

const LF = 10;

/** The lines of an NDJSON body; empty ones are skipped. Stops after `max`, since nobody reads more. */
export function parseLines(body: Buffer, max: number): Line[] {
  const lines: Line[] = [];
  let start = 0;
  while (start < body.length && lines.length < max) {
    const lineFeed = body.indexOf(LF, start);
    const end = lineFeed === -1 ? body.length : lineFeed;
    const line = parseLine(body.subarray(start, end));
    if (line !== undefined) lines.push(line);
    start = end + 1;
  }
  return lines;
}

function parseLine(bytes: Buffer): Line | undefined {
  if (!isUtf8(bytes)) return { malformed: 'is not UTF-8' };
  const text = bytes.toString().trim();
  if (text === '') return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { malformed: 'is not valid JSON' };
  }
}
