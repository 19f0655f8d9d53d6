import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { Beanstalkd, freePort, poll } from '../support/beanstalkd.ts';
import type { Place } from '../support/place.ts';
import { ByteProxy } from './byte-proxy.ts';
import { Laboratory, saying } from './laboratory.ts';
import { type Host, Network, whyNoNetwork } from './network.ts';

const why = whyNoNetwork();
if (why !== undefined) console.warn(`Part of unreachable.test.ts is skipped: ${why}`);

const UNREACHABLE = { status: 503, type: 'beanstalkd-unreachable', outcome: 'none' };
const CONNECT_TIMEOUT_MS = 5_000;

/** The first call learns it within the dial timeout, those after it at once, and healed all is well within 2 s. */
async function isUnreachableUntil(lab: Laboratory, heal: () => Promise<unknown>): Promise<void> {
  const first = await lab.put('t');
  expect(saying(first)).toEqual(UNREACHABLE);
  expect(first.took).toBeLessThan(CONNECT_TIMEOUT_MS + 250);
  const waiting = lab.reserve('t', '?timeout=60');
  const refusals: number[] = [];
  for (let n = 0; n < 20; n += 1) {
    const next = n % 2 === 0 ? await lab.put('t') : await lab.reserve('t');
    expect(saying(next)).toEqual(UNREACHABLE);
    expect(Number(next.headers['retry-after'])).toBeGreaterThan(0);
    refusals.push(next.took);
  }
  expect(refusals.reduce((sum, took) => sum + took)).toBeLessThan(refusals.length * 100);
  await heal();
  await poll('a put goes through', async () => (await lab.put('t')).status === 201, 2_000);
  expect((await waiting).status).toBe(200);
}

test.concurrent('a port that refuses', async ({ onTestFinished }) => {
  const lab = await Laboratory.open({}, onTestFinished);
  await lab.beanstalkd.kill();
  await poll('it is known', async () => (await lab.call('GET', '/readyz')).status === 503);
  await isUnreachableUntil(lab, () => lab.beanstalkd.run());
});

test.concurrent('a server that accepts and says nothing', async ({ onTestFinished }) => {
  const beanstalkd = await Beanstalkd.start();
  const proxy = await ByteProxy.start(beanstalkd.address);
  onTestFinished(async () => {
    proxy.close();
    await beanstalkd.stop();
  });
  proxy.stall();
  const lab = await Laboratory.open({ via: () => proxy.url }, onTestFinished);
  await isUnreachableUntil(lab, async () => proxy.resume());
});

describe.skipIf(why !== undefined).concurrent('in a network of its own', () => {
  test('a black hole', async (context) => {
    const { gateway, server } = await hosts(context);
    const lab = await Laboratory.open(
      {
        gateway,
        server,
        via: async ({ url }) => {
          await server.cut();
          return url;
        },
      },
      context.onTestFinished,
    );
    await isUnreachableUntil(lab, () => server.heal());
  });

  test('a name that does not resolve', async (context) => {
    const { gateway, server } = await hosts(context);
    const names = await Names.open(context);
    const lab = await Laboratory.open(
      { gateway: names.at(gateway), server, via: ({ port }) => `beanstalkd://beanstalkd.test:${port}` },
      context.onTestFinished,
    );
    await isUnreachableUntil(lab, () => names.add(server.address, 'beanstalkd.test'));
  });

  test('a name server that does not answer: one look-up at a time, however many dials want it', async (context) => {
    const { gateway, server } = await hosts(context);
    const names = await Names.open(context, server.address);
    await server.cut();
    const url = `beanstalkd://beanstalkd.test:${await freePort()}`;
    const lab = await Laboratory.open({ gateway: names.at(gateway), via: () => url }, context.onTestFinished);
    expect(saying(await lab.put('t'))).toEqual(UNREACHABLE);
    // Some more attempts, one a second.
    for (const end = performance.now() + 5_000; performance.now() < end; ) {
      expect(saying(await lab.put('t'))).toEqual(UNREACHABLE);
      expect(await lookUps(lab)).toBeLessThanOrEqual(1);
    }
  });
});

/** Look-ups of names under way in the gateway; none has no line. */
async function lookUps(lab: Laboratory): Promise<number> {
  const { bytes } = await lab.call('GET', '/metrics');
  return Number(
    /^nodejs_active_resources\{type="GetAddrInfoReqWrap"\} (\d+)$/m.exec(bytes.toString())?.[1] ?? 0,
  );
}

async function hosts({ onTestFinished }: TestContext): Promise<{ gateway: Host; server: Host }> {
  const network = await Network.open();
  onTestFinished(() => network.close());
  return { gateway: await network.host(), server: await network.host() };
}

/** What a place takes for /etc/hosts and /etc/resolv.conf. */
class Names {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async open({ onTestFinished }: TestContext, nameServer?: string): Promise<Names> {
    const folder = await mkdtemp(join(tmpdir(), 'names-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    await writeFile(join(folder, 'hosts'), '127.0.0.1 localhost\n');
    await writeFile(
      join(folder, 'resolv.conf'),
      nameServer === undefined ? '' : `nameserver ${nameServer}\n`,
    );
    return new Names(folder);
  }

  /** The same place, seen by a program that reads these. */
  at(place: Place): Place {
    const bind = (file: string) => `mount --bind ${join(this.#folder, file)} /etc/${file}`;
    const mounts = `${bind('hosts')} && ${bind('resolv.conf')} && exec "$@"`;
    return { ...place, inside: [...place.inside, 'unshare', '--mount', 'sh', '-c', mounts, 'sh'] };
  }

  add(address: string, name: string): Promise<void> {
    return writeFile(join(this.#folder, 'hosts'), `${address} ${name}\n`);
  }
}
