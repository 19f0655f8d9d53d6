import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Tls } from '../../src/tls.ts';
import { openKeyedForTest } from '../routes/keyed-house.ts';
import { Beanstalkd } from '../support/beanstalkd.ts';
import { Authority } from '../support/certificates.ts';
import { startGateway } from '../support/gateway.ts';
import { useChromium, whyNoChromium } from './chromium.ts';
import { Reference } from './reference.ts';
import { refused } from './watched-page.ts';

describe.skipIf(whyNoChromium !== undefined)('/docs', () => {
  const openPage = useChromium();

  test('of a gateway with keys puts with the key that was typed, and with no other', async () => {
    const house = await openKeyedForTest(
      { producer: { rights: ['produce'], tubes: ['mail'] } },
      { opened: { openMetrics: false, openDocs: true } },
    );
    const reference = await Reference.open(openPage, `${house.gateway.url}/docs`);
    const { complaints } = reference.watched;
    const putJob = reference.operation('produce', 'putJob');
    await putJob.tryOut();
    const without = await putJob.execute();
    expect([without.status, without.text]).toEqual([
      '401',
      expect.stringContaining('"type": "/problems/unauthorized"'),
    ]);
    expect(complaints.splice(0)).toEqual([refused('401 (Unauthorized)')]);

    await reference.authorize(house.file.headers('producer').authorization.replace('Bearer ', ''));
    expect((await putJob.execute()).status).toBe('201');
    expect((await house.raw.takeAll('mail')).map(String)).toEqual(['Hello, worker!']);
    expect(complaints).toEqual([]);
  });

  test('works over TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'docs-tls-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const certified = new Authority(folder, 'authority').issue('server', 'serverAuth');
    const tls = Tls.open(certified, pino({ level: 'silent' }));
    onTestFinished(() => tls.close());
    const beanstalkd = await Beanstalkd.start();
    onTestFinished(() => beanstalkd.stop());
    const gateway = await startGateway(beanstalkd, { app: { tls } });
    onTestFinished(() => gateway.stop());

    expect(gateway.url).toMatch(/^https:/);
    const reference = await Reference.open(openPage, `${gateway.url}/docs`, { ignoreHTTPSErrors: true });
    const putJob = reference.operation('produce', 'putJob');
    await putJob.tryOut();
    expect((await putJob.execute()).status).toBe('201');
    expect((await (await beanstalkd.raw()).takeAll('mail')).map(String)).toEqual(['Hello, worker!']);
    reference.watched.expectNothingAmiss();
  });
});
