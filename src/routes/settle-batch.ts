import type { Owner } from '../pool/owner.ts';
import type { Reservations } from '../pool/reservations.ts';
import { listIn, parseJson, readTyped } from './bodies.ts';
import { releaseBody } from './body.ts';
import type { App, Context } from './context.ts';
import { JSON_FORM } from './forms.ts';
import { describe, type SchemaError } from './invalid-parts.ts';
import { json, operation } from './operation.ts';
import { invalid, Problem, toProblem } from './problem.ts';
import {
  type SettleItem,
  SettleItemSchema,
  SettleRequestSchema,
  type SettleResult,
  SettleResultsSchema,
} from './schemas/batch.ts';
import { ref } from './schemas/reference.ts';

const ITEM_BYTES = 1024;
/** One object, by which the compiled validator is remembered. */
const SETTLE_ITEM = ref(SettleItemSchema);
const EXAMPLE_TOKENS = ['0b8f8e1e5a0c4b0e9d0a3f1f6f0f6a51', '6f1c0d6e6b9e4f3a8a510e6f2f1f7c11'];

const settleReservations = (batchMax: number) =>
  operation({
    operationId: 'settleReservations',
    tag: 'consume',
    need: 'consume',
    summary: 'Settle several reservations',
    description: [
      `Deletes, releases, buries or touches up to ${batchMax} reservations. Each succeeds or fails alone, as the same`,
      'call by itself would; the results come in the order of the request. Several items for one reservation are',
      'carried out in their order.',
    ].join(' '),
    body: {
      description: 'The reservations, and what to do with each.',
      required: true,
      content: {
        [JSON_FORM]: {
          schema: ref(SettleRequestSchema),
          example: {
            settle: [
              { reservation: EXAMPLE_TOKENS[0], action: 'delete' },
              { reservation: EXAMPLE_TOKENS[1], action: 'release', delay: 30 },
            ],
          },
        },
      },
    },
    answers: {
      200: {
        description: 'What became of each reservation.',
        content: json(ref(SettleResultsSchema), {
          results: [
            { status: 204 },
            {
              status: 410,
              type: '/problems/reservation-ended',
              title: 'The reservation has ended',
              detail: 'the reservation has ended: expired',
              outcome: 'none',
              reason: 'expired',
            },
          ],
        }),
      },
    },
    problems: [
      'invalid-request',
      'request-timeout',
      'request-too-big',
      'unsupported-media-type',
      'overloaded',
    ],
  });

/** Settling several reservations with one call. */
export async function settleBatchRoutes(app: App, { pool, limits }: Context): Promise<void> {
  readTyped(app, [JSON_FORM], {
    budget: pool.bodies,
    limit: () => limits.batchMax * ITEM_BYTES,
    tooBig: (max) =>
      new Problem('request-too-big', `the request may have at most ${max} bytes`, {
        extensions: { maxBytes: max },
      }),
  });

  app.post('/v1/reservations/batch', settleReservations(limits.batchMax), async (request) => {
    try {
      const body = Buffer.isBuffer(request.body) ? request.body : undefined;
      const items = listIn(parseJson(body), 'settle', limits.batchMax);
      const validate = request.compileValidationSchema(SETTLE_ITEM);
      const checked = items.map((item) =>
        isSettleItem(validate, item) ? checkParameters(item) : invalidItem(validate),
      );
      return { results: await settleAll(pool.reservations, checked, request.owner) };
    } finally {
      releaseBody(request, pool.bodies);
    }
  });
}

type Validate = ((value: unknown) => unknown) & { errors?: readonly SchemaError[] | null };

const isSettleItem = (validate: Validate, value: unknown): value is SettleItem => validate(value) === true;

const invalidItem = (validate: Validate) => invalid(...describe('body', validate.errors ?? []));

/** The parameters that only some actions have. */
function checkParameters(item: SettleItem): SettleItem | Problem {
  const unknown = (name: string) =>
    invalid({ in: 'body', name, message: `is no parameter of ${item.action}` });
  if (item.delay !== undefined && item.action !== 'release') return unknown('delay');
  const withPriority = item.action === 'release' || item.action === 'bury';
  if (item.priority !== undefined && !withPriority) return unknown('priority');
  return item;
}

/** All at once, but those of one reservation one after the other. */
function settleAll(
  reservations: Reservations,
  items: readonly (SettleItem | Problem)[],
  owner: Owner | undefined,
): Promise<SettleResult[]> {
  const settleOne = (item: SettleItem) => settle(reservations, item, owner);
  const previous = new Map<string, Promise<SettleResult>>();
  return Promise.all(
    items.map((item) => {
      if (item instanceof Problem) return item.result();
      const before = previous.get(item.reservation);
      const settled = before === undefined ? settleOne(item) : before.then(() => settleOne(item));
      previous.set(item.reservation, settled);
      return settled;
    }),
  );
}

/** Never rejects: a failure is a result. */
async function settle(
  reservations: Reservations,
  item: SettleItem,
  owner: Owner | undefined,
): Promise<SettleResult> {
  const { reservation, action, priority, delay = 0 } = item;
  const own = priority === undefined ? {} : { priority };
  try {
    switch (action) {
      case 'delete':
        await reservations.delete(reservation, owner);
        return { status: 204 };
      case 'release':
        await reservations.release(reservation, { ...own, delay }, owner);
        return { status: 204 };
      case 'bury':
        await reservations.bury(reservation, own, owner);
        return { status: 204 };
      case 'touch': {
        const expiresAt = await reservations.touch(reservation, owner);
        return { status: 200, expiresAt: new Date(expiresAt).toISOString() };
      }
    }
  } catch (error) {
    return toProblem(error).result();
  }
}
