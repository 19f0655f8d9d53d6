import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import type { OpenPage } from './chromium.ts';
import type { WatchedPage } from './watched-page.ts';

/** The API reference, as a person uses it. */
export class Reference {
  readonly watched: WatchedPage;

  private constructor(watched: WatchedPage) {
    this.watched = watched;
  }

  /** Opens the page there, and waits until it shows operations. */
  static async open(openPage: OpenPage, url: string, options?: BrowserContextOptions): Promise<Reference> {
    const watched = await openPage(options);
    await watched.page.goto(url);
    await watched.page.locator('.opblock').first().waitFor();
    return new Reference(watched);
  }

  get page(): Page {
    return this.watched.page;
  }

  /** The ids of all, each behind its tag, in the order in which they stand. */
  async operations(): Promise<string[]> {
    const sections = await this.page.locator('.opblock-tag-section').all();
    const each = sections.map(async (section) => {
      const tag = await section.locator('.opblock-tag').getAttribute('data-tag');
      const blocks = await section.locator('.opblock').all();
      const ids = await Promise.all(blocks.map((block) => block.getAttribute('id')));
      return ids.map((id) => `${tag}: ${id?.replace(`operations-${tag}-`, '')}`);
    });
    return (await Promise.all(each)).flat();
  }

  operation(tag: string, id: string): ReferenceOperation {
    return new ReferenceOperation(this.page.locator(`#operations-${tag}-${id}`));
  }

  async authorize(key: string): Promise<void> {
    await this.page.getByRole('button', { name: 'Authorize', exact: true }).click();
    const dialog = this.page.locator('.modal-ux');
    await dialog.getByRole('textbox').fill(key);
    await dialog.getByRole('button', { name: 'Apply credentials' }).click();
    await dialog.getByRole('button', { name: 'Close' }).last().click();
  }
}

export interface ShownAnswer {
  readonly status: string;
  /** What is shown as its body, with a button or two. */
  readonly text: string;
}

/** One operation of the reference. */
export class ReferenceOperation {
  readonly block: Locator;

  constructor(block: Locator) {
    this.block = block;
  }

  /** Opens it, and turns its parameters into fields. */
  async tryOut(): Promise<void> {
    await this.block.locator('.opblock-summary-control').click();
    await this.block.getByRole('button', { name: 'Try it out' }).click();
  }

  /** The field of a parameter. */
  field(name: string): Locator {
    return this.block.locator(`tr[data-param-name="${name}"]`).locator('input, select').first();
  }

  /** Where the body of the request is typed. */
  get body(): Locator {
    return this.block.locator('.opblock-section-request-body textarea');
  }

  /** Where a file is chosen for it instead. */
  get file(): Locator {
    return this.block.locator('.opblock-section-request-body input[type="file"]');
  }

  get requestMediaType(): Locator {
    return this.block.getByLabel('Request content type');
  }

  /** What is accepted, chosen at the first answer. */
  get responseMediaType(): Locator {
    return this.block.getByLabel('Media Type').first();
  }

  /** Calls the gateway; what the page shows of the answer. */
  async execute(): Promise<ShownAnswer> {
    await this.send();
    return this.answer();
  }

  async send(): Promise<void> {
    const clear = this.block.getByRole('button', { name: 'Clear' });
    // The last answer would be taken for the next one.
    if (await clear.isVisible()) await clear.click();
    await this.block.getByRole('button', { name: 'Execute' }).click();
  }

  async answer(): Promise<ShownAnswer> {
    const shown = this.block.locator('.live-responses-table tr.response');
    const status = await shown.locator('.response-col_status').innerText();
    const body = shown.locator('.response-col_description > div', { hasText: 'Response body' });
    return { status, text: (await body.count()) === 0 ? '' : await body.innerText() };
  }
}
