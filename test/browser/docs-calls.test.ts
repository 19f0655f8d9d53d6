import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type House, openHouse } from '../routes/calls.ts';
import { at } from '../routes/contract.ts';
import { poll } from '../support/beanstalkd.ts';
import { useChromium, whyNoChromium } from './chromium.ts';
import { Reference } from './reference.ts';
import { refused } from './watched-page.ts';

const ALL_BYTES = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
const AS_BYTES = { headers: { accept: 'application/octet-stream' } };

describe.skipIf(whyNoChromium !== undefined)('/docs, tried out,', () => {
  const openPage = useChromium();
  let house: House;
  beforeAll(async () => {
    house = await openHouse();
  });
  afterAll(() => house.close());

  const open = () => Reference.open(openPage, `${house.gateway.url}/docs`);

  describe('puts', () => {
    test('a job that was typed', async () => {
      const reference = await open();
      const putJob = reference.operation('produce', 'putJob');
      await putJob.tryOut();
      await putJob.field('tube').fill('typed/here');
      await putJob.body.fill('Grüße, worker');
      const { status, text } = await putJob.execute();
      expect(status).toBe('201');
      const taken = await house.calls.ok(200, 'POST', '/v1/tubes/typed%2Fhere/reservations');
      expect(at(taken, 'reservations', 0, 'body')).toBe('Grüße, worker');
      expect(text).toContain(`"id": "${at(taken, 'reservations', 0, 'job', 'id')}"`);
      reference.watched.expectNothingAmiss();
    });

    test('the same job again, and an empty one', async () => {
      const reference = await open();
      const putJob = reference.operation('produce', 'putJob');
      await putJob.tryOut();
      await putJob.field('tube').fill('thrice');
      for (const body of ['again', 'again', '']) {
        await putJob.body.fill(body);
        expect((await putJob.execute()).status).toBe('201');
      }
      const taken = await house.raw.takeAll('thrice');
      expect(taken.map(String)).toEqual(['again', 'again', '']);
      reference.watched.expectNothingAmiss();
    });

    test('a file, byte for byte', async () => {
      const reference = await open();
      const putJob = reference.operation('produce', 'putJob');
      await putJob.tryOut();
      await putJob.field('tube').fill('files');
      await putJob.requestMediaType.selectOption('application/octet-stream');
      await putJob.file.setInputFiles({ name: 'bytes', mimeType: '', buffer: ALL_BYTES });
      expect((await putJob.execute()).status).toBe('201');
      const peeked = await house.calls.call('GET', '/v1/tubes/files/peek?state=ready', AS_BYTES);
      expect(peeked.body).toEqual(ALL_BYTES);
      reference.watched.expectNothingAmiss();
    });
  });

  test('waits for a job, and deletes it by its reservation', async () => {
    const reference = await open();
    const reserveJobs = reference.operation('consume', 'reserveJobs');
    await reserveJobs.tryOut();
    await reserveJobs.field('tube').fill('awaited');
    await reserveJobs.field('timeout').fill('20');
    await reserveJobs.send();
    await poll('it waits', async () => {
      const tube = await house.raw.stats('stats-tube awaited');
      return tube?.['current-waiting'] === '1';
    });
    const put = await house.calls.ok(201, 'POST', '/v1/tubes/awaited/jobs', { body: 'At last' });
    const { status, text } = await reserveJobs.answer();
    expect([status, text]).toEqual(['200', expect.stringContaining('"body": "At last"')]);

    const deleteJob = reference.operation('consume', 'deleteReservedJob');
    await deleteJob.tryOut();
    await deleteJob.field('reservation').fill(/"reservation": "([^"]+)"/.exec(text)?.[1] ?? '');
    expect((await deleteJob.execute()).status).toBe('204');
    expect(await house.raw.stateOf(String(at(put, 'id')))).toBeUndefined();
    reference.watched.expectNothingAmiss();
  });

  test('saves the bytes of a job', async () => {
    const put = await house.calls.ok(201, 'POST', '/v1/tubes/saved/jobs', { body: ALL_BYTES });
    const reference = await open();
    const { page } = reference;
    const getJob = reference.operation('tend', 'getJob');
    await getJob.tryOut();
    await getJob.field('id').fill(String(at(put, 'id')));
    await getJob.responseMediaType.selectOption('application/octet-stream');
    expect((await getJob.execute()).status).toBe('200');
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      getJob.block.getByText('Download file').click(),
    ]);
    expect(await readFile(await download.path())).toEqual(ALL_BYTES);
    reference.watched.expectNothingAmiss();
  });

  test('shows what is wrong: before it calls, or what the gateway says', async () => {
    const reference = await open();
    const putJob = reference.operation('produce', 'putJob');
    await putJob.tryOut();
    await putJob.field('priority').fill('-1');
    await putJob.send();
    expect(await putJob.block.locator('.validation-errors').innerText()).toContain('priority');
    reference.watched.expectNothingAmiss();

    const getJob = reference.operation('tend', 'getJob');
    await getJob.tryOut();
    await getJob.field('id').fill('first');
    const { status, text } = await getJob.execute();
    expect(status).toBe('400');
    expect(text).toContain('"type": "/problems/invalid-request"');
    expect(text).toContain('"name": "id"');
    expect(reference.watched.complaints).toEqual([refused('400 (Bad Request)')]);
  });

  test('proposes batches that pass', async () => {
    const reference = await open();
    for (const [tag, id, ...mediaTypes] of [
      ['produce', 'putJobs', 'application/json', 'application/x-NDJSON'],
      ['consume', 'settleReservations', 'application/json'],
    ] as const) {
      const batch = reference.operation(tag, id);
      await batch.tryOut();
      for (const mediaType of mediaTypes) {
        await batch.requestMediaType.selectOption(mediaType);
        const { status, text } = await batch.execute();
        expect([status, text], `${id}, ${mediaType}`).toEqual([
          '200',
          expect.not.stringContaining('invalid-request'),
        ]);
      }
    }
    reference.watched.expectNothingAmiss();
  });
});
