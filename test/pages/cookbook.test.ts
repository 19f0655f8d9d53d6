import { describe, expect } from 'vitest';
import { type House, openHouse } from '../routes/calls.ts';
import { openKeyed } from '../routes/keyed-house.ts';
import { test } from './desk.ts';
import { hereOf } from './here.ts';
import { recipesOf } from './page.ts';
import { missing } from './programs.ts';
import { shapeOf } from './shape.ts';

const KEY_NAME = 'billing-worker';

/** An empty beanstalkd with a gateway, and what the reader has set. */
async function openFor(heading: string): Promise<{ house: House; set: Record<string, string> }> {
  if (heading !== 'Keys') return { house: await openHouse(), set: {} };
  const house = await openKeyed({ [KEY_NAME]: { rights: ['produce', 'consume'], tubes: ['billing.*'] } });
  return { house, set: { KEY: house.file.headers(KEY_NAME).authorization.replace('Bearer ', '') } };
}

describe('docs/COOKBOOK.md', () => {
  for (const { heading, needs, steps, files } of recipesOf('docs/COOKBOOK.md')) {
    if (steps.length === 0) continue;
    const lacking = missing(['curl', ...needs]);
    if (lacking.length > 0) console.log(`skipped for want of ${lacking.join(' and ')}: “${heading}”`);

    test.skipIf(lacking.length > 0)(heading, async ({ sit, onTestFinished }) => {
      const { house, set } = await openFor(heading);
      onTestFinished(() => house.close());
      const here = hereOf(house.calls.port);
      const desk = await sit(set);
      for (const [name, text] of files) await desk.write(name, here(text));
      const shell = desk.shell();
      for (const { command, output } of steps) {
        expect(shapeOf(await shell.run(here(command))), command).toBe(shapeOf(output));
      }
    });
  }
});
