import beanstalkd from 'beanstalkd';
import Fastify from 'fastify';
import { beanstalkdPort, port } from './arguments.ts';

/**
 * The gateway that one writes in an afternoon, on the client `beanstalkd`. It sends nothing until the answer before
 * has come, so there are some clients in turn. The tube is fixed, so that no `use` is sent but the first.
 */

const Client = beanstalkd.default;

const connect = () => new Client('127.0.0.1', beanstalkdPort).connect();
const sixteen = () => Promise.all(Array.from({ length: 16 }, connect));
const producers = await sixteen();
for (const producer of producers) await producer.use('t');
const workers = await sixteen();
for (const worker of workers) await worker.watch('t');

let turn = 0;
function oneOf<C>(clients: readonly C[], number: number): C {
  const client = clients[number % clients.length];
  if (client === undefined) throw new Error('no such client');
  return client;
}

const app = Fastify({ logger: false });
app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

app.post<{ Body: Buffer }>('/v1/tubes/t/jobs', async (request, reply) => {
  turn += 1;
  const id = await oneOf(producers, turn).put(1024, 0, 60, request.body);
  return reply.code(201).header('location', `/v1/jobs/${id}`).send({ id, tube: 't', state: 'ready' });
});
app.post('/v1/tubes/t/reservations', async () => {
  turn += 1;
  const worker = turn % workers.length;
  const [id, payload] = await oneOf(workers, worker).reserveWithTimeout(0);
  return { reservations: [{ reservation: `${worker}-${id}`, body: payload.toString() }] };
});
app.delete<{ Params: { reservation: string } }>('/v1/reservations/:reservation', async (request, reply) => {
  const [worker, id = ''] = request.params.reservation.split('-');
  await oneOf(workers, Number(worker)).delete(id);
  return reply.code(204).send();
});

await app.listen({ host: '127.0.0.1', port });
process.stdout.write('listening\n');
