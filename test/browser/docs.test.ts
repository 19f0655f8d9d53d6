import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../routes/calls.ts';
import { at } from '../routes/contract.ts';
import { useChromium, whyNoChromium } from './chromium.ts';
import { Reference } from './reference.ts';

if (whyNoChromium !== undefined) console.log(`no page is looked at: ${whyNoChromium}`);

const PHONE = { viewport: { width: 375, height: 700 }, isMobile: true, hasTouch: true };

describe.skipIf(whyNoChromium !== undefined)('/docs', () => {
  const openPage = useChromium();
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  const open = (path = '/docs', options: Parameters<typeof openPage>[0] = {}) =>
    Reference.open(openPage, `${house.gateway.url}${path}`, options);

  test('is where a browser is sent, and shows every operation under its tag', async () => {
    const reference = await open('/');
    expect(reference.page.url()).toBe(`${house.gateway.url}/docs`);
    expect(await reference.operations()).toEqual(operationsOf(house.gateway.app.swagger()));
    reference.watched.expectNothingAmiss();
  });

  test('is protected by the headers of every page', async () => {
    const { page } = await openPage();
    const headers = (await page.goto(`${house.gateway.url}/docs`))?.headers();
    expect(headers).toMatchObject({
      'content-security-policy': expect.stringContaining("script-src 'self';"),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
      'referrer-policy': 'no-referrer',
    });
  });

  test('opens an operation by its link, again when loaded anew, and when come back to', async () => {
    const reference = await open('/docs#/produce/putJob');
    const { page } = reference;
    const { block } = reference.operation('produce', 'putJob');
    const isOpen = () => block.getByRole('button', { name: 'Try it out' }).waitFor();
    await isOpen();
    await page.reload();
    await isOpen();
    await page.goto(`${house.gateway.url}/problems/job-too-big`);
    await page.goBack();
    await isOpen();
    expect(page.url()).toBe(`${house.gateway.url}/docs#/produce/putJob`);
    reference.watched.expectNothingAmiss();
  });

  test('says of what type a tube is', async () => {
    const putJob = (await open()).operation('produce', 'putJob');
    await putJob.tryOut();
    const tube = putJob.block.locator('tr[data-param-name="tube"]');
    expect(await tube.locator('.parameter__type').innerText()).toBe('string');
  });

  test('fits a phone', async () => {
    const reference = await open('/docs', PHONE);
    const { page } = reference;
    const putJob = reference.operation('produce', 'putJob');
    await putJob.tryOut();
    await putJob.execute();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(PHONE.viewport.width);
  });

  test('is dark where the system is, from the beginning and when it changes', async () => {
    const { page } = await open('/docs', { colorScheme: 'dark' });
    const scheme = () => page.evaluate('getComputedStyle(document.documentElement).colorScheme');
    expect(await scheme()).toBe('dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await expect.poll(scheme).toBe('normal');
  });
});

/** The ids of all, each behind its tag, in the order in which the document has the tags. */
function operationsOf(document: unknown): string[] {
  const operations = Object.values(Object(at(document, 'paths'))).flatMap((path) =>
    Object.values(Object(path)),
  );
  return Object.values(Object(at(document, 'tags'))).flatMap((tag) => {
    const name = at(tag, 'name');
    const ofTag = operations.filter((operation) => at(operation, 'tags', 0) === name);
    return ofTag.map((operation) => `${name}: ${at(operation, 'operationId')}`);
  });
}
