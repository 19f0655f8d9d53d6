import { exampleReservation } from '../../src/routes/schemas/job.ts';
import { serveOnFastify } from './on-fastify.ts';

/** What Fastify costs with our schemas when nothing is done: three routes that answer what the gateway answers. */

const { job, ...rest } = exampleReservation;
const body = 'x'.repeat(100);

let jobs = 0;
await serveOnFastify({
  put: () => {
    jobs += 1;
    return String(jobs);
  },
  reserve: (tube) => ({ ...rest, job: { ...job, tube }, body }),
  settle: () => {},
});
