/** What a problem means; also the text of its page under `/problems/{name}`. */
export interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly meaning: string;
  readonly action: string;
}

const RETRY = 'Retry after the seconds that Retry-After says; nothing was done, so a retry is safe.';

/** Every problem that the gateway can answer, by its name. */
export const PROBLEMS = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    meaning:
      'A parameter, a header or the body is missing, unknown or out of range. `errors` names each one.',
    action: 'Correct what `errors` names. The same request will fail again.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid key is needed',
    meaning: 'The request carries no key, or one that the gateway does not know or that has expired.',
    action: 'Send a key as `Authorization: Bearer …`.',
  },
  forbidden: {
    status: 403,
    title: 'This is not allowed',
    meaning:
      'The key is valid, but not for this operation or this tube. Or, where no keys are needed, a browser sent the call for a page of another origin.',
    action:
      'Use a key with that right, or ask the operator for it. For a page, the operator names its origin in CORS_ORIGINS.',
  },
  'job-not-found': {
    status: 404,
    title: 'No such job',
    meaning: 'beanstalkd has no job with this id, or the tube has none in the state that was asked for.',
    action:
      'It was deleted, most likely because it was done. A beanstalkd without a binlog, its journal on disk, counts ids from 1 again when it restarts.',
  },
  'tube-not-found': {
    status: 404,
    title: 'No such tube',
    meaning: 'A tube exists while it has jobs, or while a program uses it. This one does not exist now.',
    action: 'Check its name. The first job that is put into it creates it.',
  },
  'reservation-not-found': {
    status: 404,
    title: 'No such reservation',
    meaning:
      'The gateway made no such reservation, or it ended so long ago that the gateway has forgotten it.',
    action: 'Treat it like an ended one: the job is no longer yours. Stop working on it.',
  },
  'route-not-found': {
    status: 404,
    title: 'Nothing is here',
    meaning: 'The gateway serves nothing under this path.',
    action:
      'Compare the path with the API reference at /docs. Special characters in a tube are percent-encoded.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'The method is not allowed here',
    meaning: 'The path exists, but not with this method.',
    action: 'Use one of the methods in the Allow header.',
  },
  'not-acceptable': {
    status: 406,
    title: 'No acceptable form of the answer',
    meaning: 'The Accept header allows none of the forms that this answer can have. No job was kept.',
    action: 'Accept application/json or, for a single body of any size, application/octet-stream.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request came too slowly',
    meaning: 'The head or the body of the request did not arrive in time.',
    action: 'Send it again over a better connection, or a smaller one.',
  },
  'job-state-conflict': {
    status: 409,
    title: 'The state of the job does not allow this',
    meaning:
      'The job exists, but in another state; `state` says which. A reserved job belongs to its holder.',
    action:
      'A job that a worker has reserved can be settled only by its reservation: wait until it is free again.',
  },
  'reservation-ended': {
    status: 410,
    title: 'The reservation has ended',
    meaning:
      'The job is no longer held for you; `reason` says why. Somebody else may be working on it already.',
    action:
      'Stop working on this job. Touch jobs that take long, or put them with a longer time to run (`ttr`).',
  },
  'job-too-big': {
    status: 413,
    title: 'The job is too big',
    meaning: 'The body is larger than `maxJobSize`, which beanstalkd or the gateway allows.',
    action: 'Put a reference to the data instead, or start beanstalkd with a larger max-job-size (-z).',
  },
  'request-too-big': {
    status: 413,
    title: 'The request is too big',
    meaning: 'The body of the request is larger than `maxBytes`.',
    action: 'Split it into several requests.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The form of the body is not supported',
    meaning: 'The Content-Type is not one that this operation reads, or the body has a Content-Encoding.',
    action: 'Send a media type that the API reference lists, uncompressed.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    meaning:
      'A call with the same Idempotency-Key, into the same tube, came with another body or other parameters before. This one was not carried out.',
    action: 'Make a new key for each job or batch, and use it again only for retries of the very same call.',
  },
  'too-many-requests': {
    status: 429,
    title: 'Too many requests',
    meaning: 'This key or address has used up its rate, its reserves under way at once, or its reservations.',
    action: 'Retry after the seconds that Retry-After says; nothing was done, so a retry is safe.',
  },
  'headers-too-large': {
    status: 431,
    title: 'The head of the request is too large',
    meaning: 'Path, query and headers together are larger than the server reads.',
    action: 'Send fewer or shorter headers.',
  },
  'internal-error': {
    status: 500,
    title: 'The gateway failed',
    meaning: 'The gateway met something that it was not written for. Its log has the request with this id.',
    action: 'Report it with the `requestId`. `outcome` says whether the call may have been carried out.',
  },
  'beanstalkd-protocol-error': {
    status: 502,
    title: 'beanstalkd gave an answer that makes no sense',
    meaning: 'The answer of beanstalkd is not one that its protocol allows for this command.',
    action:
      'Check that the address is one of a beanstalkd, 1.10 or later; reserving a job by its id needs 1.12.',
  },
  'beanstalkd-internal-error': {
    status: 502,
    title: 'beanstalkd failed',
    meaning:
      'beanstalkd answered INTERNAL_ERROR, for instance because it could not write its binlog, the journal on disk.',
    action:
      'Look at the disk and the log of beanstalkd. With `outcome` `unknown`, look at the job before a retry.',
  },
  'beanstalkd-connection-lost': {
    status: 502,
    title: 'The connection to beanstalkd was lost',
    meaning: 'The connection broke while the command was under way. It may have been carried out.',
    action: 'Retry what may happen twice; else look first. A job put again may exist twice.',
  },
  'beanstalkd-unreachable': {
    status: 503,
    title: 'beanstalkd cannot be reached',
    meaning: 'There is no connection to beanstalkd at the moment; the gateway goes on trying.',
    action: RETRY,
  },
  'beanstalkd-draining': {
    status: 503,
    title: 'beanstalkd takes no new jobs',
    meaning: 'beanstalkd is in drain mode: it takes no new jobs, for instance since it is to be stopped.',
    action: RETRY,
  },
  'too-many-waiters': {
    status: 503,
    title: 'Too many callers are waiting',
    meaning: 'As many callers wait for jobs as the gateway is set to allow (RESERVE_WAITERS_MAX).',
    action: RETRY,
  },
  overloaded: {
    status: 503,
    title: 'The gateway is at one of its bounds',
    meaning: 'The memory for bodies, the queue of commands or the number of reservations is used up.',
    action: RETRY,
  },
  'shutting-down': {
    status: 503,
    title: 'The gateway is stopping',
    meaning: 'The gateway takes no new work. Reservations can still be settled for a moment.',
    action: 'Connect again: another process answers, or this one after its restart. Nothing was done.',
  },
  'beanstalkd-timeout': {
    status: 504,
    title: 'beanstalkd did not answer in time',
    meaning:
      'The deadline passed without an answer of beanstalkd. `outcome` says whether the command was sent.',
    action: 'With `none`, retry. With `unknown`, retry only what may happen twice, or look first.',
  },
  'beanstalkd-out-of-memory': {
    status: 507,
    title: 'beanstalkd has no room',
    meaning:
      'beanstalkd is out of memory, or of room on the disk of its binlog, the journal. With an `id`, the job exists but is buried: no worker gets it until it is kicked.',
    action: 'Make room for beanstalkd. A job with an `id` is kicked, or deleted and put again.',
  },
} as const satisfies Record<string, ProblemKind>;

export type ProblemName = keyof typeof PROBLEMS;

export const isProblemName = (name: string): name is ProblemName => Object.hasOwn(PROBLEMS, name);
