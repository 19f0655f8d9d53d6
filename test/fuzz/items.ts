import { isUtf8 } from 'node:buffer';
import { Compile } from 'typebox/schema';
import { BATCH_MAX, BODY_MAX } from './bodies.ts';
import type { Operation, Schema } from './document.ts';

/** One item of a batch: parsed, or no JSON at all. */
export type Item = { readonly value: unknown } | 'malformed';

/** The items of a batch in their order; undefined where the whole of it is refused. */
export function itemsIn(operation: Operation, mediaType: string, body: Buffer): readonly Item[] | undefined {
  const items = mediaType === 'application/x-ndjson' ? linesIn(body) : listIn(operation, body);
  return items !== undefined && items.length > 0 && items.length <= BATCH_MAX ? items : undefined;
}

function linesIn(body: Buffer): readonly Item[] {
  return body
    .toString('latin1')
    .split('\n')
    .map((line) => Buffer.from(line, 'latin1'))
    .filter((line) => line.toString().trim() !== '')
    .map((line) => parse(line, line.toString().trim()) ?? 'malformed');
}

function listIn({ bodies }: Operation, body: Buffer): readonly Item[] | undefined {
  const [member = ''] = Object.keys(bodies.get('application/json')?.properties ?? {});
  const whole = parse(body, body.toString());
  if (whole === undefined || typeof whole.value !== 'object' || whole.value === null) return undefined;
  const [[name, list] = [], ...others] = Object.entries(whole.value);
  if (Array.isArray(whole.value) || name !== member || others.length > 0 || !Array.isArray(list))
    return undefined;
  return list.map((value: unknown) => ({ value }));
}

function parse(bytes: Buffer, text: string): { readonly value: unknown } | undefined {
  if (!isUtf8(bytes)) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

export interface NewJob {
  readonly body: string;
  readonly encoding?: 'utf-8' | 'base64';
  readonly priority?: number;
  readonly delay?: number;
  readonly ttr?: number;
}

export interface SettleItem {
  readonly reservation: string;
  readonly action: 'delete' | 'release' | 'bury' | 'touch';
  readonly priority?: number;
  readonly delay?: number;
}

const LONE_SURROGATE = /\p{Surrogate}/u;

/** The bytes of a new job, or the status with which it is refused. */
export function bytesOf({ body, encoding = 'utf-8' }: NewJob): Buffer | 400 | 413 {
  const bytes = Buffer.from(body, encoding);
  const isWhole = encoding === 'base64' ? bytes.toString('base64') === body : !LONE_SURROGATE.test(body);
  if (!isWhole) return 400;
  return bytes.length > BODY_MAX ? 413 : bytes;
}

/** Only some actions have a priority, and one has a delay. */
export const isSound = ({ action, priority, delay }: SettleItem): boolean =>
  (delay === undefined || action === 'release') &&
  (priority === undefined || action === 'release' || action === 'bury');

const checks = new WeakMap<Schema, (value: unknown) => boolean>();

/** Whether the schema of the document allows the item. */
export function isItem<T>(item: Item, schema: Schema): item is { readonly value: T } {
  let check = checks.get(schema);
  if (check === undefined) {
    const validator = Compile({ ...schema });
    check = (value) => validator.Check(value);
    checks.set(schema, check);
  }
  return item !== 'malformed' && check(item.value);
}
