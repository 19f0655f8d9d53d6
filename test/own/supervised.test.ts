import { expect, test } from 'vitest';
import { Supervised } from '../../src/own/supervised.ts';

function run(script: string): Promise<string> {
  return new Supervised(['/bin/sh', '-c', script], () => {}).ended;
}

test.each([
  ['exit 0', 'exit code 0'],
  ['echo one >&2; echo two >&2; exit 3', 'exit code 3: two'],
  ['kill -KILL $$', 'killed by SIGKILL'],
  ['echo dying >&2; kill -SEGV $$', 'killed by SIGSEGV: dying'],
])('%s ends with the reason "%s"', async (script, reason) => {
  expect(await run(script)).toBe(reason);
});

test('the program has neither the guard nor the spare descriptor, and an empty stdin', async () => {
  const script = `
    for n in 3 4 5 6 7 8 9; do if (: >&$n) 2>/dev/null; then found="$found $n"; fi; done
    read -r line && found="$found stdin"
    echo "open:$found" >&2`;
  expect(await run(script)).toBe('exit code 0: open:');
});

test('a program that does not exist ends at once', async () => {
  const supervised = new Supervised(['/nonexistent/beanstalkd'], () => {});
  expect(await supervised.ended).toMatch(/^exit code 127/);
  expect(supervised.hasEnded).toBe(true);
});

test('a signal ends the whole group, children of the program too', async () => {
  const lines: string[] = [];
  const supervised = new Supervised(['/bin/sh', '-c', 'sleep 600 & echo up >&2; wait'], (line) => {
    lines.push(line);
    supervised.kill('SIGTERM');
  });
  // It ends only when nobody holds its stderr any more: the sleep, which inherited it, is gone as well.
  expect(await supervised.ended).toBe('killed by SIGTERM: up');
  expect(lines).toEqual(['up']);
});
