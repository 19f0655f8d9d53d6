import { expect } from 'vitest';
import { poll } from '../support/beanstalkd.ts';
import { startListening } from '../support/processes.ts';
import { type Calls, test } from './calls.ts';
import { at } from './contract.ts';

test.concurrent('/livez always, /readyz while beanstalkd answers', async ({ open, expect }) => {
  const { calls, beanstalkd } = await open();
  expect(await calls.ok(200, 'GET', '/livez')).toEqual({ status: 'ok' });
  expect(await calls.ok(200, 'GET', '/readyz')).toEqual({ status: 'ok' });
  await beanstalkd.kill();
  await poll('not ready', async () => (await calls.call('GET', '/readyz')).status === 503);
  const { problem, headers } = await calls.problem('beanstalkd-unreachable', 'GET', '/readyz');
  expect(at(problem, 'reason')).toEqual(expect.stringMatching(/\S/));
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  expect(await calls.ok(200, 'GET', '/livez')).toEqual({ status: 'ok' });
  await beanstalkd.run();
  await poll('ready', async () => (await calls.call('GET', '/readyz')).status === 200, 3_000);
});

test.concurrent('/readyz: a beanstalkd that says nothing is not ready', async ({ open }) => {
  const { calls, beanstalkd } = await open();
  beanstalkd.signal('SIGSTOP');
  await poll('not ready', async () => (await calls.call('GET', '/readyz')).status === 503, 6_000);
  beanstalkd.signal('SIGCONT');
  await poll('ready', async () => (await calls.call('GET', '/readyz')).status === 200, 3_000);
});

test('/readyz gives no path away', async () => {
  const gateway = await startListening([], { BEANSTALKD_URL: 'unix:/nowhere/secret/socket' });
  await poll('a reason', async () =>
    (await (await gateway.call('GET', '/readyz')).text()).includes('reason'),
  );
  const answer = await (await gateway.call('GET', '/readyz')).text();
  expect(answer).not.toContain('secret');
  const put = await gateway.call('POST', '/v1/tubes/t/jobs', 'x');
  expect(put.status).toBe(503);
  expect(await put.text()).not.toContain('secret');
});

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (N[aA][nN]|[+-]Inf|-?[0-9][0-9.e+-]*)$/;

/** The text format of Prometheus; fails on a line that is none of it. */
function parse(text: string): Sample[] {
  expect(text.endsWith('\n')).toBe(true);
  const typed = new Set<string>();
  const samples: Sample[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# TYPE (\S+) (?:counter|gauge|histogram|summary)$/.exec(line)?.[1];
    if (type !== undefined) {
      expect(typed.has(type), `${type} twice`).toBe(false);
      typed.add(type);
      continue;
    }
    if (/^# HELP \S+ \S/.test(line)) continue;
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? [];
    if (name === undefined) throw new Error(`no sample: ${line}`);
    const family = name.replace(/_(bucket|sum|count)$/, '');
    expect(typed.has(name) || typed.has(family), `${name} has a type`).toBe(true);
    const key = line.slice(0, line.lastIndexOf(' '));
    expect(seen.has(key), `${key} twice`).toBe(false);
    seen.add(key);
    const pairs = [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)];
    const entries = pairs.map(([, label = '', text = '']) => [label, text] as const);
    samples.push({ name, labels: Object.fromEntries(entries), value: Number(value) });
  }
  return samples;
}

async function scrape(calls: Calls) {
  const answer = await calls.call('GET', '/metrics');
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = parse(answer.text);
  const find = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    samples.find(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    )?.value;
  return { samples, find };
}

test.concurrent('/metrics: the process, the calls, the pool, beanstalkd and its tubes', async ({
  open,
  expect,
}) => {
  const { calls, raw, gateway } = await open();
  for (let n = 0; n < 3; n += 1) await calls.ok(201, 'POST', '/v1/tubes/m/jobs', { body: 'x' });
  await raw.put('m', 'd', { delay: 1000 });
  await calls.reserve('m');
  await calls.problem('invalid-request', 'POST', '/v1/tubes/-/jobs', { body: 'x' });
  await calls.problem('route-not-found', 'GET', '/nope/with/secret');
  const waiting = calls.ok(200, 'POST', '/v1/tubes/w/reservations?timeout=20');
  await expect.poll(() => gateway.pool.snapshot().waiters).toBe(1);
  const { samples, find } = await scrape(calls);

  expect(find('process_cpu_seconds_total')).toBeGreaterThan(0);
  expect(find('process_resident_memory_bytes')).toBeGreaterThan(0);
  expect(find('beanstalkd_gateway_info', { version: '0.0.0-test' })).toBe(1);

  const requests = 'beanstalkd_gateway_http_request_duration_seconds';
  const put = { method: 'POST', route: '/v1/tubes/:tube/jobs' };
  expect(find(`${requests}_count`, { ...put, status: '201' })).toBe(3);
  expect(find(`${requests}_count`, { ...put, status: '400' })).toBe(1);
  expect(find(`${requests}_sum`, { ...put, status: '201' })).toBeGreaterThan(0);
  expect(find(`${requests}_bucket`, { ...put, status: '201', le: '+Inf' })).toBe(3);
  expect(find(`${requests}_count`, { method: 'GET', status: '404' })).toBe(1);
  // A route, not a path: whoever calls cannot make series.
  expect(samples.some(({ labels }) => Object.values(labels).some((label) => label.includes('secret')))).toBe(
    false,
  );

  const commands = 'beanstalkd_gateway_command_duration_seconds';
  expect(find(`${commands}_count`, { command: 'put', ok: 'true' })).toBe(3);
  expect(find(`${commands}_sum`, { command: 'put', ok: 'true' })).toBeGreaterThan(0);
  expect(find(`${commands}_count`, { command: 'reserve-with-timeout', ok: 'true' })).toBeGreaterThan(0);
  expect(find('beanstalkd_gateway_waiters')).toBe(1);
  expect(find('beanstalkd_gateway_reservations')).toBe(1);
  expect(find('beanstalkd_gateway_connections', { kind: 'lane' })).toBeGreaterThan(0);
  expect(find('beanstalkd_gateway_connections', { kind: 'waiting' })).toBe(1);
  expect(find('beanstalkd_gateway_connections', { kind: 'holding' })).toBe(1);
  for (const name of [
    'endings',
    'body_bytes',
    'commands_in_flight',
    'commands_queued',
    'reconnects',
    'pokes',
  ]) {
    expect(find(`beanstalkd_gateway_${name}`), name).toBeGreaterThanOrEqual(0);
  }

  expect(find('beanstalkd_up')).toBe(1);
  const stats = await raw.stats('stats');
  expect(find('beanstalkd_cmd_put')).toBe(Number(stats?.['cmd-put']));
  expect(find('beanstalkd_total_jobs')).toBe(4);
  expect(find('beanstalkd_max_job_size')).toBe(65_535);
  const numbers = Object.entries(stats ?? {}).filter(([, value]) => /^[0-9.]+$/.test(value));
  for (const [name] of numbers) {
    if (['pid', 'version', 'id'].includes(name)) continue;
    expect(find(`beanstalkd_${name.replaceAll('-', '_')}`), name).toEqual(expect.any(Number));
  }
  const tube = { tube: 'm' };
  expect(find('beanstalkd_tube_current_jobs_ready', tube)).toBe(2);
  expect(find('beanstalkd_tube_current_jobs_reserved', tube)).toBe(1);
  expect(find('beanstalkd_tube_current_jobs_delayed', tube)).toBe(1);
  expect(find('beanstalkd_tube_total_jobs', tube)).toBe(4);
  expect(find('beanstalkd_tube_current_waiting', { tube: 'w' })).toBe(1);
  await raw.put('w', 'x');
  await waiting;
});

test.concurrent('/metrics: at most so many tubes by name, the rest as one; gone ones are gone', async ({
  open,
}) => {
  const { calls, raw } = await open({ limits: { metricsTubesMax: 2 } });
  for (const name of ['a', 'b', 'c', 'd']) {
    await raw.put(name, 'x');
    await raw.put(name, 'y');
  }
  await raw.command('use default');
  const ready = 'beanstalkd_tube_current_jobs_ready';
  const shown = async () =>
    (await scrape(calls)).samples
      .filter(({ name }) => name === ready)
      .map(({ labels, value }) => [labels['tube'], value]);
  expect(await shown()).toEqual([
    ['a', 2],
    ['b', 2],
    // c, d and default
    ['*', 4],
  ]);
  await calls.ok(200, 'DELETE', '/v1/tubes/a/jobs?state=ready');
  await expect.poll(() => raw.list('list-tubes')).not.toContain('a');
  expect(await shown()).toEqual([
    ['b', 2],
    ['c', 2],
    ['*', 2],
  ]);
});

test.concurrent('/metrics answers while beanstalkd is down, or says nothing', async ({ open, expect }) => {
  const { calls, beanstalkd, raw } = await open();
  await raw.put('m', 'x');
  expect((await scrape(calls)).find('beanstalkd_tube_current_jobs_ready', { tube: 'm' })).toBe(1);

  beanstalkd.signal('SIGSTOP');
  const began = performance.now();
  const silent = await scrape(calls);
  expect(performance.now() - began).toBeLessThan(4_000);
  expect(silent.find('beanstalkd_up')).toBe(0);

  await beanstalkd.kill();
  await poll('the loss is known', async () => (await calls.call('GET', '/readyz')).status === 503);
  const down = await scrape(calls);
  expect(down.find('beanstalkd_up')).toBe(0);
  expect(down.samples.filter(({ name }) => /^beanstalkd_(?!gateway_|up$)/.test(name))).toEqual([]);
  expect(down.find('beanstalkd_gateway_waiters')).toBe(0);

  await beanstalkd.run();
  await poll('up again', async () => (await scrape(calls)).find('beanstalkd_up') === 1);
});
