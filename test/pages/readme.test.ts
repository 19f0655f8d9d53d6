import { describe, expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { test } from './desk.ts';
import { hereOf } from './here.ts';
import { recipesOf } from './page.ts';
import { missing } from './programs.ts';
import { shapeOf } from './shape.ts';

/** Under these stand calls and what they answer. */
const WITH_CALLS = ['beanstalkd-gateway', 'Errors'];
const STARTS_A_GATEWAY = /^npm /;
const TOKEN = /\b[0-9a-f]{32}\b/;

const recipes = recipesOf('README.md');
const lackingCurl = missing(['curl']).length > 0;
if (lackingCurl) console.log('skipped for want of curl: the commands of README.md');

describe.skipIf(lackingCurl)('README.md', () => {
  test.for(WITH_CALLS)('%s', async (heading, { open, sit }) => {
    const steps = recipes.find((recipe) => recipe.heading === heading)?.steps ?? [];
    expect(steps).not.toEqual([]);
    const { calls } = await open();
    const here = hereOf(calls.port);
    const shell = (await sit()).shell();
    /** The reservation of the page, which the reader replaces by theirs. */
    let theirs = '';
    let ours = '';
    for (const { command, output } of steps) {
      if (STARTS_A_GATEWAY.test(command)) continue;
      const printed = await shell.run(here(command).replaceAll(theirs, ours));
      expect(shapeOf(printed), command).toBe(shapeOf(output));
      theirs ||= TOKEN.exec(output)?.[0] ?? '';
      ours ||= TOKEN.exec(printed)?.[0] ?? '';
    }
  });

  test('A worker in the shell', async ({ open, sit }) => {
    const script =
      recipes.find(({ heading }) => heading === 'A worker in the shell')?.steps[0]?.command ?? '';
    const { calls, raw } = await open();
    const worker = await (await sit()).loop(hereOf(calls.port)(script));
    for (const body of ['one', 'two']) {
      const id = await raw.put('mail', body);
      await poll(`${body} is done`, async () => (await raw.stateOf(id)) === undefined, 20_000);
      expect(worker.stdout).toContain(`${body}\n`);
    }
  });
});
