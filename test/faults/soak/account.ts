import { poll } from '../../support/beanstalkd.ts';
import type { RawConnection } from '../../support/raw-connection.ts';
import { call } from '../http.ts';
import { stopInOrder } from './faults.ts';
import type { Site } from './site.ts';
import { TUBES } from './tubes.ts';
import type { Violations } from './violations.ts';

/** After the last fault, to be ready again. */
const RECOVERED_WITHIN_MS = 3_000;
/** The longest TTR, and the second within which such a job is ready again; with a little of our own. */
const EXPIRED_WITHIN_MS = 7_000;
const KICK_ALL = 1_000_000;

/**
 * When nobody calls any more: nothing may be held or kept by the gateway, it ends in order, and beanstalkd shows
 * what is left. Resolves with the bodies of that.
 */
export async function takeStock(site: Site, violations: Violations): Promise<string[]> {
  const demand = (promise: string, isSo: () => Promise<boolean>, withinMs: number) =>
    poll(promise, isSo, withinMs).catch((error: Error) => violations.add(promise, error.message));
  if (site.gatewayRuns) {
    const ready = async () => (await get(site, '/readyz')).status === 200;
    await demand('ready after the last fault', ready, RECOVERED_WITHIN_MS);
    for (const figure of ['waiters', 'reservations', 'body_bytes'])
      await demand(
        `${figure} are 0 at the end`,
        async () => (await figureOf(site, figure)) === 0,
        EXPIRED_WITHIN_MS,
      );
    const raw = await site.beanstalkd.raw();
    const nothingReserved = async () => (await raw.stats('stats'))?.['current-jobs-reserved'] === '0';
    await demand('nothing is reserved by nobody at the end', nothingReserved, RECOVERED_WITHIN_MS);
    raw.close();
    await stopInOrder(site, violations);
  }
  // What beanstalkd itself has orphaned (out of descriptors) comes back with its binlog alone.
  await site.restartBeanstalkd();
  return collect(await site.beanstalkd.raw(), violations);
}

const get = (site: Site, path: string) => call(site.callers, site.url, 'GET', path);

async function figureOf(site: Site, name: string): Promise<number> {
  const text = (await get(site, '/metrics')).bytes.toString();
  return Number(new RegExp(`^beanstalkd_gateway_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

/** Empties all tubes from behind. */
async function collect(raw: RawConnection, violations: Violations): Promise<string[]> {
  const bodies: string[] = [];
  for (const tube of TUBES) {
    await raw.command(`use ${tube}`);
    // The buried ones, then the delayed ones.
    await raw.command(`kick ${KICK_ALL}`);
    await raw.command(`kick ${KICK_ALL}`);
  }
  for (const tube of TUBES) for (const body of await raw.takeAll(tube)) bodies.push(body.toString());
  const left = await raw.stats('stats');
  for (const state of ['ready', 'reserved', 'delayed', 'buried']) {
    const count = left?.[`current-jobs-${state}`];
    if (count !== '0')
      violations.add('a job can be taken by nobody', `${count} ${state} after all was taken`);
  }
  return bodies;
}
