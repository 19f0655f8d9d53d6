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

const recipes = recipesOf('docs/COOKBOOK.md')
  .filter(({ steps }) => steps.length > 0)
  .map((recipe) => ({ ...recipe, lacking: missing(['curl', ...recipe.needs]) }));

const skipped = recipes.filter(({ lacking }) => lacking.length > 0);
if (skipped.length > 0) {
  const programs = new Set(skipped.flatMap(({ lacking }) => lacking));
  const headings = skipped.map(({ heading }) => `“${heading}”`);
  console.log(`skipped for want of ${[...programs].join(' and ')}: ${headings.join(', ')}`);
}

describe('docs/COOKBOOK.md', () => {
  for (const { heading, lacking, steps, files } of recipes) {
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
