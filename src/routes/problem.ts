import type { Outcome } from '../client/errors.ts';
import { BeanstalkdError, PoolError } from '../pool/errors.ts';
import { invalidParts, isValidationError } from './invalid-parts.ts';
import { PROBLEMS, type ProblemName } from './problem-table.ts';
import type { InvalidPart, ProblemBody } from './schemas/problem.ts';

type Extensions = Pick<ProblemBody, 'errors' | 'reason' | 'state' | 'id' | 'maxJobSize' | 'maxBytes'>;

interface ProblemOptions {
  /** `none` unless said otherwise. */
  readonly outcome?: Outcome;
  readonly extensions?: Extensions;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** What a caller is told instead of an answer. */
export class Problem extends Error {
  readonly kind: ProblemName;
  readonly outcome: Outcome;
  readonly extensions: Extensions;
  readonly headers: Readonly<Record<string, string>>;

  constructor(kind: ProblemName, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.kind = kind;
    this.outcome = options.outcome ?? 'none';
    this.extensions = options.extensions ?? {};
    this.headers = options.headers ?? {};
  }

  get status(): number {
    return PROBLEMS[this.kind].status;
  }

  /** The members that every form of it has: an answer of its own, or a result in a list. */
  members() {
    const { status, title } = PROBLEMS[this.kind];
    return { type: `/problems/${this.kind}`, title, status, detail: this.message };
  }

  /** The body of an answer; `outcome` only where the call changes something. */
  body(requestId: string, changing: boolean): ProblemBody {
    return {
      ...this.members(),
      requestId,
      ...(changing ? { outcome: this.outcome } : {}),
      ...this.extensions,
    };
  }

  /** One result of several, of calls that change something. */
  result() {
    return { ...this.members(), outcome: this.outcome, ...this.extensions };
  }
}

export function invalid(...parts: InvalidPart[]): Problem {
  const errors = parts.map((part) => ({ ...part, name: cut(part.name) }));
  return new Problem('invalid-request', errors.map(sentence).join('; '), { extensions: { errors } });
}

const sentence = (part: InvalidPart) =>
  part.name === '' ? `the ${part.in} ${part.message}` : `${shown(part.name)} (${part.in}) ${part.message}`;

const PLAIN_NAME = /^[\w.[\]-]{1,100}$/;
const SHOWN_MAX = 100;

/** A name that the caller made up may be anything: on one line. */
const shown = (name: string): string => (PLAIN_NAME.test(name) ? name : JSON.stringify(name));

/** Longer ones are made up by the caller, who must not make an answer long. */
const cut = (name: string): string => (name.length > SHOWN_MAX ? `${name.slice(0, SHOWN_MAX)}…` : name);

/** Seconds until a retry; jittered, so that those refused together do not come back together. */
const retryAfter = () => ({ 'retry-after': String(1 + Math.floor(Math.random() * 3)) });

/** A 503: nothing was done. */
export const unavailable = (kind: ProblemName, detail: string, extensions: Extensions = {}) =>
  new Problem(kind, detail, { headers: retryAfter(), extensions });

/** Turns whatever was thrown into the problem that says so. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof BeanstalkdError) return fromBeanstalkd(error);
  if (error instanceof PoolError) return fromPool(error);
  if (isValidationError(error)) return invalid(...invalidParts(error));
  return fromFastify(error);
}

/** Messages of {@link BeanstalkdError} name addresses and paths, so none of them is passed on. */
function fromBeanstalkd(error: BeanstalkdError): Problem {
  const { code, outcome } = error;
  const because = { outcome, cause: error };
  switch (code) {
    case 'UNREACHABLE':
      return unavailable('beanstalkd-unreachable', 'there is no connection to beanstalkd');
    case 'CONNECTION_LOST':
      return outcome === 'none'
        ? unavailable(
            'beanstalkd-unreachable',
            'the connection to beanstalkd broke before the command was sent',
          )
        : new Problem(
            'beanstalkd-connection-lost',
            'the connection broke before beanstalkd had answered',
            because,
          );
    case 'TIMEOUT':
      return new Problem('beanstalkd-timeout', 'the deadline passed before beanstalkd had answered', because);
    case 'QUEUE_FULL':
      return unavailable('overloaded', 'too many commands wait for beanstalkd');
    case 'DRAINING':
      return unavailable('beanstalkd-draining', 'beanstalkd is in drain mode and takes no jobs');
    case 'PROTOCOL_ERROR':
      return new Problem(
        'beanstalkd-protocol-error',
        "beanstalkd's answer is not valid for this command",
        because,
      );
    case 'INTERNAL_ERROR':
      return new Problem('beanstalkd-internal-error', 'beanstalkd answered INTERNAL_ERROR', because);
    case 'OUT_OF_MEMORY':
      return new Problem('beanstalkd-out-of-memory', 'beanstalkd answered OUT_OF_MEMORY', because);
    case 'JOB_TOO_BIG':
      return new Problem('job-too-big', 'beanstalkd answered JOB_TOO_BIG', because);
  }
}

function fromPool(error: PoolError): Problem {
  const { failure, outcome } = error;
  const because = { outcome, cause: error };
  switch (failure.code) {
    case 'OVERLOADED':
      return unavailable('overloaded', failure.detail);
    case 'QUOTA':
      return new Problem('too-many-requests', failure.detail, { headers: retryAfter() });
    case 'TOO_MANY_WAITERS':
      return unavailable('too-many-waiters', `${failure.max} callers are waiting already`);
    case 'SHUTTING_DOWN':
      return unavailable('shutting-down', 'the gateway is stopping');
    case 'DEADLINE':
      return new Problem(
        'beanstalkd-timeout',
        `no word from beanstalkd within ${failure.deadlineMs} ms`,
        because,
      );
    case 'JOB_NOT_FOUND':
      return new Problem(
        'job-not-found',
        failure.id === undefined ? 'there is no such job' : `there is no job ${failure.id}`,
      );
    case 'TUBE_NOT_FOUND':
      return new Problem('tube-not-found', `there is no tube ${failure.tube}`);
    case 'JOB_STATE_CONFLICT':
      return new Problem('job-state-conflict', `job ${failure.id} is ${failure.state}`, {
        extensions: { state: failure.state },
      });
    case 'JOB_BURIED':
      return new Problem(
        'beanstalkd-out-of-memory',
        `beanstalkd had no room to queue job ${failure.id}: it exists, but is buried`,
        // Neither "nothing was done" nor "it worked".
        { outcome: 'unknown', cause: error, extensions: { id: failure.id } },
      );
    case 'RESERVATION_NOT_FOUND':
      return new Problem('reservation-not-found', 'there is no such reservation, or none that is remembered');
    case 'RESERVATION_ENDED':
      return new Problem('reservation-ended', `the reservation has ended: ${failure.reason}`, {
        extensions: { reason: failure.reason },
      });
  }
}

/** Fastify's own errors, and whatever was not foreseen. */
function fromFastify(error: unknown): Problem {
  switch (codeOf(error)) {
    case 'FST_ERR_BAD_URL':
      return invalid({ in: 'path', name: '', message: 'is not well percent-encoded' });
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return invalid({ in: 'path', name: '', message: 'is too long' });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new Problem('unsupported-media-type', 'the Content-Type is not one that is read here');
    case 'FST_ERR_NOT_FOUND':
      return new Problem('route-not-found', 'there is nothing under this path');
    default:
      // @fastify/static, of a path that climbs out of its folder.
      if (error instanceof Error && 'statusCode' in error && error.statusCode === 403) {
        return new Problem('route-not-found', 'there is nothing under this path');
      }
      return new Problem('internal-error', 'the gateway failed; its log has the request with this id', {
        outcome: 'unknown',
        cause: error,
      });
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
