import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { expect } from 'vitest';

/** A page in a profile of its own, and what a person would find in its console and its list of requests. */
export class WatchedPage {
  readonly page: Page;
  /** Errors and warnings of the console, exceptions, and requests that came to nothing. */
  readonly complaints: string[] = [];
  /** Where its requests went. */
  readonly origins = new Set<string>();

  private constructor(page: Page) {
    this.page = page;
    page.on('request', (request) => this.origins.add(new URL(request.url()).origin));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(error.message));
    page.on('requestfailed', (request) => {
      this.complaints.push(`${request.method()} ${request.url()}: ${request.failure()?.errorText}`);
    });
  }

  static async open(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
    const context = await browser.newContext(options);
    // Before the test's own, so that it says what it waited for.
    context.setDefaultTimeout(15_000);
    return new WatchedPage(await context.newPage());
  }

  /** Nothing was complained about, and nobody else asked for anything. */
  expectNothingAmiss(): void {
    expect(this.complaints).toEqual([]);
    expect([...this.origins]).toEqual([new URL(this.page.url()).origin]);
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}

/** What Chromium itself writes into the console when a call is answered so. */
export const refused = (status: string) =>
  `Failed to load resource: the server responded with a status of ${status}`;
