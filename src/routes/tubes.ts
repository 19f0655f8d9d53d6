import { Type } from 'typebox';
import { scopeOf } from './authorize.ts';
import { readNothing } from './bodies.ts';
import { Caller } from './caller.ts';
import type { App, Context } from './context.ts';
import { FAILURES } from './failures.ts';
import { json, operation, parameters } from './operation.ts';
import { defaulted, ref } from './schemas/reference.ts';
import { oneOf, tubeName, UNHELD_STATES, uint32 } from './schemas/scalars.ts';
import { ClearedSchema, exampleTube, KickedSchema, TubeListSchema, TubeSchema } from './schemas/tube.ts';

const CLEAR_MAX = 100_000;

const params = parameters({ tube: tubeName('The name of the tube.') });

const listTubes = operation({
  operationId: 'listTubes',
  tag: 'tend',
  need: 'inspect',
  summary: 'List all tubes',
  description:
    'All tubes that exist now, sorted by name, each with its figures. Where there are keys: those that yours covers.',
  answers: {
    200: { description: 'All tubes.', content: json(ref(TubeListSchema), { tubes: [exampleTube] }) },
  },
  problems: ['invalid-request', ...FAILURES],
});

const getTube = operation({
  operationId: 'getTube',
  tag: 'tend',
  need: 'inspect',
  summary: 'Look at a tube',
  description: 'The figures of one tube. Looking never creates it.',
  params,
  answers: { 200: { description: 'The tube.', content: json(ref(TubeSchema), exampleTube) } },
  problems: ['invalid-request', 'tube-not-found', ...FAILURES],
});

const kickJobs = operation({
  operationId: 'kickJobs',
  tag: 'tend',
  need: 'admin',
  summary: 'Make buried or delayed jobs ready',
  description:
    'Kicks the buried jobs of the tube or, when none is buried, its delayed ones: they are ready at once. It kicks at most `bound` of them.',
  params,
  querystring: parameters({ bound: uint32('The most jobs to kick.', { minimum: 1, examples: [100] }) }),
  answers: { 200: { description: 'They are ready.', content: json(ref(KickedSchema), { kicked: 7 }) } },
  problems: ['invalid-request', 'tube-not-found', ...FAILURES],
});

const pauseTube = operation({
  operationId: 'pauseTube',
  tag: 'tend',
  need: 'admin',
  summary: 'Pause or resume a tube',
  description:
    'For so many seconds no worker is given a job of the tube; jobs can still be put. 0 ends a pause.',
  params,
  querystring: parameters({ delay: uint32('Seconds to pause for; 0 ends a pause.', { examples: [300] }) }),
  answers: { 204: { description: 'The tube is paused, or resumed.' } },
  problems: ['invalid-request', 'tube-not-found', ...FAILURES],
});

const clearTube = operation({
  operationId: 'clearTube',
  tag: 'tend',
  need: 'admin',
  summary: 'Delete the jobs of a tube',
  description: [
    'Deletes the jobs in these states for good, up to a limit; jobs that workers hold stay. It stops when you',
    'hang up. On failure some may be deleted: call again.',
  ].join(' '),
  params,
  querystring: parameters({
    state: Type.Array(oneOf(UNHELD_STATES, { description: 'One of the states.' }), {
      description: 'The states of the jobs to delete: the parameter is given once for each.',
      minItems: 1,
      maxItems: UNHELD_STATES.length,
      uniqueItems: true,
      examples: [['ready', 'delayed']],
    }),
    limit: defaulted(
      Type.Integer({
        description: 'The most jobs to delete.',
        minimum: 1,
        maximum: CLEAR_MAX,
        default: 1000,
        format: 'int32',
        examples: [500],
      }),
    ),
  }),
  answers: {
    200: {
      description: 'They are deleted.',
      content: json(ref(ClearedSchema), { deleted: 1000, more: true }),
    },
  },
  problems: ['invalid-request', 'tube-not-found', ...FAILURES],
});

/** Looking at tubes and tending them. */
export async function tubeRoutes(app: App, { pool }: Context): Promise<void> {
  const { tubes } = pool;
  readNothing(app);

  app.get('/v1/tubes', listTubes, async (request) => ({ tubes: await tubes.list(scopeOf(request)) }));

  app.get('/v1/tubes/:tube', getTube, (request) => tubes.get(request.params.tube));

  app.post('/v1/tubes/:tube/kick', kickJobs, async (request) => ({
    kicked: await tubes.kick(request.params.tube, request.query.bound),
  }));

  app.post('/v1/tubes/:tube/pause', pauseTube, async (request, reply) => {
    await tubes.pause(request.params.tube, request.query.delay);
    return reply.code(204).send();
  });

  app.delete('/v1/tubes/:tube/jobs', clearTube, async (request, reply) => {
    const { state, limit } = request.query;
    const caller = new Caller(request, reply);
    const leaving = new AbortController();
    if (caller.gone) leaving.abort();
    caller.waiting = { leave: () => leaving.abort() };
    try {
      return await tubes.clear(request.params.tube, new Set(state), limit, leaving.signal);
    } finally {
      caller.forget();
    }
  });
}
