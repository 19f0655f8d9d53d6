import { describe, expect, test } from 'vitest';
import { preferred } from '../../src/routes/accept.ts';

const JSON_OR_BYTES = ['application/json', 'application/octet-stream'] as const;

describe('the preferred form', () => {
  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/octet-stream', 'application/octet-stream'],
    ['APPLICATION/Octet-Stream', 'application/octet-stream'],
    ['application/json;charset=utf-8', 'application/json'],
    ['application/octet-stream, application/json;q=0.5', 'application/octet-stream'],
    ['application/octet-stream;q=0.2, */*;q=0.1', 'application/octet-stream'],
    ['application/json;q=0, */*', 'application/octet-stream'],
    ['*/*, application/json;q=0', 'application/octet-stream'],
    ['text/html, application/json ; q=0.001', 'application/json'],
    ['text/html', undefined],
    ['', undefined],
    ['nonsense', undefined],
    ['*/json', undefined],
    ['application/json;q=0', undefined],
    ['application/json;q=2', undefined],
    ['application/json;q=x, application/octet-stream;q=0.1', 'application/octet-stream'],
  ])('for %j is %j', (accept, form) => {
    expect(preferred(accept, JSON_OR_BYTES)).toBe(form);
  });

  test('for a browser is the page, for a program JSON', () => {
    const forms = ['application/json', 'text/html'] as const;
    expect(preferred('text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', forms)).toBe(
      'text/html',
    );
    expect(preferred('*/*', forms)).toBe('application/json');
  });
});
