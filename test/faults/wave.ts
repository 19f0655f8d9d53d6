import type { Sent } from './http.ts';

/** The deadlines of a gateway, in milliseconds, as its settings have them. */
export interface Deadlines {
  readonly command: number;
  readonly connect: number;
  readonly reserveGrace: number;
}

/** One call, and how soon it must be answered whatever beanstalkd does. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly withinMs: number;
  readonly sent?: Sent;
}

/** How reservations are asked to end, in turn, and the state of the job when that was carried out. */
export const SETTLES = [
  { action: 'delete', method: 'DELETE', path: '', after: undefined },
  { action: 'release', method: 'POST', path: '/release?delay=500', after: 'delayed' },
  { action: 'bury', method: 'POST', path: '/bury', after: 'buried' },
  { action: 'touch', method: 'POST', path: '/touch', after: 'ready' },
] as const;
/** So many reservations are settled one by one and in batches of four, and so many are looked at. */
export const SETTLED = 80;
const SETTLED_ALONE = 40;
export const LOOKED_AT = 20;

/** By its mark a job is found again that was put in vain, or not in vain. */
const markOf = (wave: number, n: number): string => `wave ${wave}, job ${n}.`;
export const MARKED_PUTS = 125;

/** 500 calls of all kinds, well mixed. */
export function waveOf(wave: number, tokens: readonly string[], deadlines: Deadlines): Asked[] {
  const dialled = deadlines.connect + deadlines.command;
  const calls = [
    ...puts(wave, dialled),
    ...reserves(deadlines.reserveGrace, dialled),
    ...settles(tokens.slice(0, SETTLED), deadlines.command),
    ...tokens
      .slice(SETTLED, SETTLED + LOOKED_AT)
      .map((token) => get(`/v1/reservations/${token}`, deadlines.command)),
    ...looks(dialled),
    ...tending(dialled),
  ];
  return calls.map((_, n) => calls[(n * STRIDE) % calls.length]).filter((call) => call !== undefined);
}

/** Of no common measure with the number of calls, so that each comes once. */
const STRIDE = 7;

const call = (method: string, path: string, withinMs: number, sent: Sent = {}): Asked => ({
  method,
  path,
  withinMs,
  sent,
});
const get = (path: string, withinMs: number) => call('GET', path, withinMs);
const post = (path: string, withinMs: number, sent?: Sent) => call('POST', path, withinMs, sent);
const json = (body: unknown): Sent => ({
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n));

/** Bodies large enough that a few that are kept are seen, and some for the lane of large ones. */
const puts = (wave: number, withinMs: number): Asked[] => [
  ...times(MARKED_PUTS, (n) => {
    const body = markOf(wave, n).padEnd(n % 25 === 0 ? 300_000 : 60_000, 'x');
    return post('/v1/tubes/marked/jobs', withinMs, { body });
  }),
  ...times(25, () => {
    const jobs = times(5, () => ({ body: 'x'.repeat(1_000) }));
    return post('/v1/tubes/batch/jobs/batch', withinMs, json({ jobs }));
  }),
];

const reserves = (graceMs: number, withinMs: number): Asked[] => [
  ...times(40, () => post('/v1/tubes/ready/reservations', graceMs)),
  ...times(20, () => post('/v1/tubes/ready/reservations?count=10&deadlineMs=700', 700)),
  ...times(60, (n) => post(`/v1/tubes/empty${n % 5}/reservations?timeout=1`, 1_000 + graceMs)),
  ...times(20, () => post('/v1/reservations?tube=empty1&tube=empty2&timeout=60&deadlineMs=1500', 1_500)),
  ...times(10, (n) => post(`/v1/jobs/${n + 1}/reservation`, withinMs)),
];

function settles(tokens: readonly string[], withinMs: number): Asked[] {
  const alone = tokens.slice(0, SETTLED_ALONE).map((token, n) => {
    const { method, path } = SETTLES[n % SETTLES.length] ?? SETTLES[0];
    return call(method, `/v1/reservations/${token}${path}`, withinMs);
  });
  const items = tokens.slice(SETTLED_ALONE).map((reservation, n) => {
    const { action } = SETTLES[n % SETTLES.length] ?? SETTLES[0];
    return { reservation, action, ...(action === 'release' ? { delay: 500 } : {}) };
  });
  const batches = times(items.length / 4, (n) => json({ settle: items.slice(n * 4, n * 4 + 4) }));
  return [...alone, ...batches.map((sent) => post('/v1/reservations/batch', withinMs, sent))];
}

const looks = (withinMs: number): Asked[] => [
  ...times(30, (n) => get(`/v1/jobs/${n + 1}`, withinMs)),
  ...times(20, () => get('/v1/tubes/ready/peek?state=ready', withinMs)),
  ...times(10, () => get('/v1/tubes/ready', withinMs)),
  ...times(10, () => get('/v1/tubes', withinMs)),
  ...times(10, () => get('/v1/server', withinMs)),
];

const tending = (withinMs: number): Asked[] => [
  ...times(10, () => post('/v1/tubes/other/kick?bound=1', withinMs)),
  ...times(10, () => post('/v1/jobs/999999/kick', withinMs)),
  ...times(10, () => post('/v1/tubes/other/pause?delay=1', withinMs)),
  ...times(10, () => call('DELETE', '/v1/jobs/999999', withinMs)),
  ...times(10, () => call('DELETE', '/v1/tubes/other/jobs?state=ready', withinMs)),
];
