import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PROBLEMS } from '../../src/routes/problem-table.ts';
import { ApiDocument } from '../fuzz/document.ts';

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** `doc/protocol.txt` of beanstalkd 1.13, in its order. */
const COMMANDS = `put use reserve reserve-with-timeout reserve-job delete release bury touch watch ignore
  peek peek-ready peek-delayed peek-buried kick kick-job stats-job stats-tube stats
  list-tubes list-tube-used list-tubes-watched quit pause-tube`.split(/\s+/);

const page = read('docs/COMING-FROM.md');
const { operations } = new ApiDocument(JSON.stringify(parse(read('openapi/openapi.yaml'))));

const rows = [...page.matchAll(/^\|(.*)\|$/gm)].map(([, row = '']) =>
  row.split('|').map((cell) => cell.trim()),
);

/** Such as `POST /v1/tubes/{tube}/kick?bound=`, with its operation in the next cell. */
const calls = rows.flatMap((cells) =>
  cells.flatMap((cell, at) => {
    const [, method, path, query = ''] = /^`([A-Z]+) (\/[^?`]*)\??([^`]*)`$/.exec(cell) ?? [];
    if (method === undefined || path === undefined) return [];
    return [{ method, path, query: [...new URLSearchParams(query).keys()], id: cells[at + 1] ?? '' }];
  }),
);

describe('docs/COMING-FROM.md', () => {
  test('each call is that of its operation, and has no parameter that it has not', () => {
    for (const { id, method, path, query } of calls) {
      const operation = operations.find((known) => id === `\`${known.id}\``);
      expect(operation, `${method} ${path} ${id}`).toMatchObject({ method, path });
      const names = operation?.parameters.filter((one) => one.in === 'query').map(({ name }) => name);
      expect(names, `${method} ${path}`).toEqual(expect.arrayContaining(query));
    }
  });

  test('every operation under /v1 has its place', () => {
    const all = operations.filter(({ path }) => path.startsWith('/v1/')).map(({ id }) => `\`${id}\``);
    expect([...new Set(calls.map(({ id }) => id))].sort()).toEqual(all.sort());
  });

  test('every command of beanstalkd is there, in the order of the protocol', () => {
    const section = /^## Commands of beanstalkd$(.*?)^## /ms.exec(page)?.[1] ?? '';
    expect([...section.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, command]) => command)).toEqual(COMMANDS);
  });

  test('problems have the statuses that they are named with', () => {
    const named = [...page.matchAll(/\b([45]\d\d) `([a-z-]+)`/g)];
    expect(named.length).toBeGreaterThan(0);
    const kinds: Readonly<Record<string, { readonly status: number }>> = PROBLEMS;
    for (const [text, status, name = ''] of named) expect(kinds[name]?.status, text).toBe(Number(status));
  });
});
