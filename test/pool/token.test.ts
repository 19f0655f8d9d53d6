import { expect, test } from 'vitest';
import { makeToken } from '../../src/pool/token.ts';

test('a token is 128 bits in hexadecimal, and none is made twice', () => {
  const tokens = Array.from({ length: 2_000 }, makeToken);
  for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(tokens).size).toBe(tokens.length);
});

test('neighbours have no part in common', () => {
  const tokens = Array.from({ length: 1_000 }, makeToken);
  const halves = tokens.flatMap((token) => [token.slice(0, 16), token.slice(16)]);
  expect(new Set(halves).size).toBe(halves.length);
});
