import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../routes/calls.ts';
import { STATUS_OF } from '../routes/contract.ts';
import { useChromium, whyNoChromium } from './chromium.ts';

describe.skipIf(whyNoChromium !== undefined)('/problems', () => {
  const openPage = useChromium();
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  test('are pages that want nothing else, and lead to the reference', async () => {
    const watched = await openPage({ viewport: { width: 375, height: 700 } });
    const { page } = watched;
    for (const name of Object.keys(STATUS_OF)) {
      await page.goto(`${house.gateway.url}/problems/${name}`);
      expect(await page.getByRole('code').first().innerText()).toBe(name);
      expect(await page.locator('body').innerText()).not.toContain('`');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(375);
    }
    await page.getByRole('link', { name: 'API reference' }).click();
    await page.locator('.opblock').first().waitFor();
    watched.expectNothingAmiss();
  });

  test('are dark where the system is', async () => {
    const { page } = await openPage({ colorScheme: 'dark' });
    await page.goto(`${house.gateway.url}/problems/overloaded`);
    // The colour of text that no style sheet sets.
    expect(await page.evaluate('getComputedStyle(document.body).color')).toBe('rgb(255, 255, 255)');
  });
});
