import Fastify from 'fastify';
import { Pool } from 'node-beanstalk';
import { beanstalkdPort, port } from './arguments.ts';

/**
 * The gateway that one writes in an afternoon, on node-beanstalk's pool. A reserve keeps its client until the
 * delete, since a reservation belongs to a connection. The tube is fixed, so that no `use` is sent but the first.
 */

const pool = new Pool({
  // More than there are callers, or they would wait for each other for ever.
  capacity: 128,
  clientOptions: {
    port: beanstalkdPort,
    serializer: { serialize: (body: Buffer) => body, deserialize: (body: Buffer) => body },
  },
});
type PoolClient = Awaited<ReturnType<typeof pool.connect>>;
const prepared = new WeakSet<PoolClient>();
const holders = new Map<string, PoolClient>();

async function take(): Promise<PoolClient> {
  const client = await pool.connect();
  if (prepared.has(client)) return client;
  await client.use('t');
  await client.watch('t');
  prepared.add(client);
  return client;
}

const app = Fastify({ logger: false });
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

app.post('/v1/tubes/t/jobs', async (request, reply) => {
  const client = await take();
  const { id, state } = await client.put(request.body, 60);
  client.releaseClient();
  return reply.code(201).header('location', `/v1/jobs/${id}`).send({ id, tube: 't', state });
});
app.post('/v1/tubes/t/reservations', async () => {
  const client = await take();
  const job = await client.reserveWithTimeout(0);
  if (job === null) {
    client.releaseClient();
    return { reservations: [] };
  }
  const reservation = String(job.id);
  holders.set(reservation, client);
  return { reservations: [{ reservation, body: job.payload.toString() }] };
});
app.delete<{ Params: { id: string } }>('/v1/reservations/:id', async (request, reply) => {
  const { id } = request.params;
  const client = holders.get(id);
  if (client === undefined) return reply.code(404).send();
  holders.delete(id);
  await client.delete(Number(id));
  client.releaseClient();
  return reply.code(204).send();
});

await app.listen({ host: '127.0.0.1', port });
process.stdout.write('listening\n');
