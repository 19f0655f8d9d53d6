import { createRequire } from 'node:module';
import type { JackdClient } from 'jackd';
import { Client as NodeBeanstalk } from 'node-beanstalk';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { Beanstalkd } from '../support/beanstalkd.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';

/** Jobs put here are taken by other clients, and the other way round. */

const BYTES = Buffer.from([0x00, 0x0d, 0x0a, 0xff, 0xfe, 0x41, 0x0d, 0x0a]);

// Its types name a default export that the module does not have.
const Jackd: typeof JackdClient = createRequire(import.meta.url)('jackd');

/** node-beanstalk writes JSON unless told otherwise. */
const AS_IT_IS = {
  serialize: (payload: unknown) => Buffer.from(String(payload)),
  deserialize: (payload: Buffer) => payload,
};

let beanstalkd: Beanstalkd;
let gateway: TestGateway;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  beanstalkd = await Beanstalkd.start();
  gateway = await startGateway(beanstalkd);
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await gateway.stop();
  await beanstalkd.stop();
});

async function jackd() {
  const client = new Jackd();
  await client.connect({ host: '127.0.0.1', port: beanstalkd.port });
  closing.push(() => client.quit());
  return client;
}

async function nodeBeanstalk() {
  const client = new NodeBeanstalk({ host: '127.0.0.1', port: beanstalkd.port, serializer: AS_IT_IS });
  await client.connect();
  closing.push(() => client.disconnect());
  return client;
}

async function putHere(tube: string, body: Buffer): Promise<string> {
  const answer = await fetch(`${gateway.url}/v1/tubes/${tube}/jobs?ttr=30`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/octet-stream' },
  });
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  return id;
}

async function takeHere(tube: string): Promise<Buffer> {
  const answer = await fetch(`${gateway.url}/v1/tubes/${tube}/reservations?timeout=5`, {
    method: 'POST',
    headers: { accept: 'application/octet-stream' },
  });
  expect(answer.status).toBe(201);
  const body = Buffer.from(await answer.arrayBuffer());
  const done = await fetch(`${gateway.url}${answer.headers.get('location')}`, { method: 'DELETE' });
  expect(done.status).toBe(204);
  return body;
}

test('jackd takes what was put here', async () => {
  const client = await jackd();
  const id = await putHere('to-jackd', BYTES);
  await client.watch('to-jackd');
  const job = await client.reserve();
  expect(job.id).toBe(id);
  expect(Buffer.from(job.payload)).toEqual(BYTES);
  await client.delete(job.id);
});

test('what jackd puts is taken here', async () => {
  const client = await jackd();
  await client.use('from-jackd');
  const id = await client.put('text of jackd');
  expect((await takeHere('from-jackd')).toString()).toBe('text of jackd');
  expect(await (await beanstalkd.raw()).stateOf(id)).toBeUndefined();
});

test('node-beanstalk takes what was put here', async () => {
  const client = await nodeBeanstalk();
  const id = await putHere('to-node-beanstalk', BYTES);
  await client.watch('to-node-beanstalk');
  const job = await client.reserve();
  expect(String(job?.id)).toBe(id);
  expect(job?.payload).toEqual(BYTES);
  await client.delete(Number(id));
});

test('what node-beanstalk puts is taken here', async () => {
  const client = await nodeBeanstalk();
  await client.use('from-node-beanstalk');
  const { id } = await client.put('text of node-beanstalk');
  expect((await takeHere('from-node-beanstalk')).toString()).toBe('text of node-beanstalk');
  expect(await (await beanstalkd.raw()).stateOf(String(id))).toBeUndefined();
});
