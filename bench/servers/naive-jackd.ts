import { createRequire } from 'node:module';
import Fastify from 'fastify';
import type { JackdClient } from 'jackd';
import { beanstalkdPort, port } from './arguments.ts';
import { InTurn } from './in-turn.ts';

/**
 * The gateway that one writes in an afternoon, on jackd. Puts are pipelined on one client. It takes all that it
 * has read for the body of a reserved job, so reserves and deletes go one at a time, on some clients in turn. The
 * tube is fixed, so that no `use` is sent but the first.
 */

// Its types name a default export that the module does not have.
const Jackd: typeof JackdClient = createRequire(import.meta.url)('jackd');

const connect = () => new Jackd().connect({ host: '127.0.0.1', port: beanstalkdPort });
const producer = await connect();
await producer.use('t');
const workers = await Promise.all(Array.from({ length: 16 }, connect));
for (const worker of workers) await worker.watch('t');
const inTurn = new InTurn(workers);

const app = Fastify({ logger: false });
app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));

app.post<{ Body: string }>('/v1/tubes/t/jobs', async (request, reply) => {
  const id = await producer.put(request.body, { ttr: 60 });
  return reply.code(201).header('location', `/v1/jobs/${id}`).send({ id, tube: 't', state: 'ready' });
});
app.post('/v1/tubes/t/reservations', async () => {
  const worker = inTurn.next();
  const { id, payload } = await inTurn.use(worker, (client) => client.reserveWithTimeout(0));
  return { reservations: [{ reservation: `${worker}-${id}`, body: payload.toString() }] };
});
app.delete<{ Params: { reservation: string } }>('/v1/reservations/:reservation', async (request, reply) => {
  const [worker, id = ''] = request.params.reservation.split('-');
  await inTurn.use(Number(worker), (client) => client.delete(id));
  return reply.code(204).send();
});

await app.listen({ host: '127.0.0.1', port });
process.stdout.write('listening\n');
