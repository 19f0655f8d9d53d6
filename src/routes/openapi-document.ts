import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { stringify } from 'yaml';
import type { Need } from './authorize.ts';
import { DESCRIBED_BODY, describeBody, type WithBody } from './openapi-bodies.ts';
import { NAMED_ENUMS, nameEnums } from './openapi-enums.ts';
import { DESCRIBED_ANSWERS, describeHeaders, type WithAnswers } from './openapi-headers.ts';
import { ANNOUNCED, ProblemResponses, type WithProblems } from './openapi-problems.ts';
import { TAGS } from './operation.ts';
import type { ProblemName } from './problem-table.ts';

const TAG_DESCRIPTIONS: Record<(typeof TAGS)[number], string> = {
  produce: 'Putting jobs into tubes: for programs that have work to be done.',
  consume: 'Reserving jobs, and settling what was reserved: for the workers that do it.',
  tend: 'Looking at jobs, tubes and beanstalkd itself, and moving or deleting jobs that nobody holds.',
  operate: 'Health, figures and pages: for operators, and for the programs around the gateway.',
};

const DESCRIPTION = [
  [
    'beanstalkd is a small, fast work queue: programs leave work in it, and workers do it later. This gateway offers it over',
    'HTTP. Its words, in the order in which a job meets them:',
  ],
  [
    '- A **job** is a piece of work: an id, and a body of any bytes. A **tube** is a queue of jobs with a name. The first job',
    'put into it creates it.',
  ],
  [
    '- To **put** a job is to leave it in a tube. It is then `ready` for a worker, or `delayed` for a while first. Its',
    '`priority` says which ready job comes first: the one with the smallest number.',
  ],
  [
    '- To **reserve** a job is to take it for yourself. It is then `reserved`: no other worker gets it until its time to run',
    '(`ttr`, in seconds) is over. The answer is a **reservation**, by which you name the job from then on.',
  ],
  [
    '- To **settle** a reservation is to say what becomes of the job. **Delete**: it is done. **Release**: give it back, and it',
    'is ready again. **Bury**: set it aside, and it is `buried` until somebody looks after it. **Touch**: ask for more time.',
  ],
  [
    '- A job whose time to run is over is ready again for another worker. So a worker that dies loses nothing, and a job may',
    'be done twice.',
  ],
  [
    '- To **kick** a job is to make a buried or delayed one ready. To **peek** is to look at a job and leave it where it is.',
  ],
  ['What holds for all calls:'],
  [
    '- Ids are strings, also where they look like numbers: they can be larger than what a floating point number holds.',
  ],
  [
    '- Durations are whole seconds, but for `deadlineMs`, which is milliseconds. Timestamps are RFC 3339, in UTC.',
  ],
  [
    '- The body of a job is bytes. In JSON it is text where its bytes are UTF-8, else base64; `encoding` says which.',
  ],
  [
    '- Where the operator has made keys, each call carries one: `Authorization: Bearer …`. A key has rights (`produce`,',
    '`consume`, `inspect`, `admin`) on tubes. What lies outside of them does not exist for it: a job or a reservation there is 404.',
  ],
  ['- In a path the name of a tube is percent-encoded, as generated clients do: `a/b` is `a%2Fb`.'],
  ['- Unknown query parameters and members are refused, so that a typo is not silently ignored.'],
  [
    '- Every error is `application/problem+json` (RFC 9457). Where the call was to change something, `outcome` says what it did:',
    '`none`, nothing was done and a retry is safe; or `unknown`, it may have been carried out. 503 always means `none`, and its',
    '`Retry-After` says when to try again.',
  ],
  [
    '- Every answer has an `X-Request-Id`: the one that was sent, where it is 1 to 128 of A-Z a-z 0-9 . _ ~ -, or a new one.',
  ],
]
  .map((lines) => lines.join(' '))
  .join('\n\n');

/** Everything of the OpenAPI document that no schema of a route says. */
export const openapiOptions = (version: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'beanstalkd-gateway',
      summary: 'The HTTP/REST gateway to beanstalkd.',
      description: DESCRIPTION,
      version,
      license: { name: 'MIT', identifier: 'MIT' },
    } as { title: string; version: string },
    servers: [{ url: '/', description: 'The gateway that serves this document.' }],
    security: [{ key: [] }],
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'A key that the operator gave you. A gateway without keys ignores it.',
        },
      },
    },
    tags: TAGS.map((name) => ({ name, description: TAG_DESCRIPTIONS[name] })),
  },
  convertConstToEnum: false,
  refResolver: {
    buildLocalReference: ({ $id }, _base, _fragment, index) =>
      typeof $id === 'string' ? $id : `def-${index}`,
  },
  transform: ({ schema, url, route }) => {
    const { config } = route;
    if (config?.problems === undefined || schema === undefined)
      return { schema: { ...schema, hide: true }, url };
    return {
      url,
      schema: {
        ...schema,
        ...(config.requestBody === undefined
          ? {}
          : { body: config.requestBody, [DESCRIBED_BODY]: config.requestBody }),
        ...(config.requestHeaders === undefined ? {} : { headers: config.requestHeaders }),
        [DESCRIBED_ANSWERS]: schema.response,
        [ANNOUNCED]: [...config.problems, ...alwaysOf(config.need)],
      },
    };
  },
  transformObject: (made) => {
    if (!('openapiObject' in made)) throw new TypeError('an OpenAPI document is what was asked for');
    const document = made.openapiObject;
    finish(document as Unfinished);
    const { schemas } = document.components ?? {};
    return {
      ...document,
      components: { ...document.components, schemas: { ...Object(nameEnums(schemas)), ...NAMED_ENUMS } },
      paths: Object(nameEnums(document.paths)),
    };
  },
});

interface WithParameters {
  readonly parameters?: { readonly in: string }[];
}

/** As much of the document as is worked on here. */
interface Unfinished {
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, WithParameters & WithBody & WithAnswers & WithProblems>>>
  >;
  readonly components: object;
}

function finish({ paths, components }: Unfinished): void {
  const problems = new ProblemResponses();
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      // Generated clients take arguments in this order: the tube before what is wanted of it.
      operation.parameters?.sort((one, other) => Number(other.in === 'path') - Number(one.in === 'path'));
      describeBody(operation);
      describeHeaders(operation);
      problems.describe(operation, method !== 'get' && path.startsWith('/v1/'));
    }
  }
  Object.assign(components, problems.components);
}

/** Without anchors, and times in quotes, which readers of YAML 1.1 would take for dates. */
export const toYaml = (document: unknown): string =>
  stringify(document, { aliasDuplicateObjects: false, compat: 'yaml-1.1' });

/** What an operation may answer, whatever else it does. */
const alwaysOf = (need: Need | undefined): readonly ProblemName[] =>
  need === 'nothing'
    ? ['headers-too-large', 'internal-error']
    : ['unauthorized', 'forbidden', 'too-many-requests', 'headers-too-large', 'internal-error'];
