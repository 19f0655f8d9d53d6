import { existsSync } from 'node:fs';
import { type Browser, type BrowserContextOptions, chromium } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { WatchedPage } from './watched-page.ts';

const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Without them it asks its makers for updates, and whoever else it likes. */
const KEEP_TO_THE_PAGE = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--no-first-run',
];

/** Why no page can be looked at here; undefined where it can. */
export const whyNoChromium = existsSync(EXECUTABLE) ? undefined : `there is no Chromium at ${EXECUTABLE}`;

/** Opens a page in a profile of its own, closed when the test is over. */
export type OpenPage = (options?: BrowserContextOptions) => Promise<WatchedPage>;

/** A Chromium for the tests around, with a profile that goes with it. */
export function useChromium(): OpenPage {
  let browser: Browser;
  beforeAll(async () => {
    // Its sandbox refuses to work for root.
    const options = { executablePath: EXECUTABLE, args: KEEP_TO_THE_PAGE, chromiumSandbox: false };
    browser = await chromium.launch(options);
  });
  afterAll(() => browser.close());
  return async (options) => {
    const watched = await WatchedPage.open(browser, options);
    onTestFinished(() => watched.close());
    return watched;
  };
}
