import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command } from '../../src/client/commands.ts';
import * as commands from '../../src/client/commands.ts';
import type { ReplyName } from '../../src/client/decode.ts';

const body = Buffer.from('hello');
const largest = 4_294_967_295;

test.each<[string, Command<ReplyName>]>([
  ['put 1 2 3 5', commands.put('t', { priority: 1, delay: 2, ttr: 3, body })],
  ['put 0 0 0 0', commands.put('t', { priority: -0, delay: -0, ttr: -0, body: Buffer.alloc(0) })],
  [
    'put 4294967295 4294967295 4294967295 5',
    commands.put('t', { priority: largest, delay: largest, ttr: largest, body }),
  ],
  ['use t', commands.use('t')],
  ['watch t', commands.watch('t')],
  ['ignore t', commands.ignore('t')],
  ['reserve', commands.reserve(['t'])],
  ['reserve-with-timeout 0', commands.reserveWithTimeout(['t'], -0)],
  ['reserve-with-timeout 2147483647', commands.reserveWithTimeout(['t'], 2_147_483_647)],
  ['reserve-job 18446744073709551615', commands.reserveJob('18446744073709551615')],
  ['delete 0', commands.deleteJob('0')],
  ['release 7 1 2', commands.release('7', 1, 2)],
  ['bury 7 1', commands.bury('7', 1)],
  ['touch 7', commands.touch('7')],
  ['peek 7', commands.peek('7')],
  ['peek-ready', commands.peekNext('ready', 't')],
  ['peek-delayed', commands.peekNext('delayed', 't')],
  ['peek-buried', commands.peekNext('buried', 't')],
  ['kick 3', commands.kick('t', 3)],
  ['kick-job 7', commands.kickJob('7')],
  ['stats', commands.stats()],
  ['stats-tube t', commands.statsTube('t')],
  ['stats-job 7', commands.statsJob('7')],
  ['list-tubes', commands.listTubes()],
  ['list-tube-used', commands.listTubeUsed()],
  ['list-tubes-watched', commands.listTubesWatched()],
  ['pause-tube t 5', commands.pauseTube('t', 5)],
])('%s', (line, command) => {
  expect(command.line).toBe(line);
  expect(command.name).toBe(line.split(' ')[0]);
});

test('the tube that is used or watched goes along', () => {
  const { use } = commands.put('t', { priority: 1, delay: 2, ttr: 3, body });
  expect(use).toBe('t');
  expect(commands.kick('t', 1).use).toBe('t');
  expect(commands.peekNext('ready', 't').use).toBe('t');
  expect(commands.reserve(['t', 'u']).watch).toEqual(['t', 'u']);
  expect(commands.reserveWithTimeout(['t', 'u'], 1).watch).toEqual(['t', 'u']);
});

type Maker = (text: string, a: number, b: number, c: number) => Command<ReplyName>;

/** Every command that takes a value, made of values of any kind. */
const MAKERS: readonly (readonly [string, Maker])[] = [
  ['put, its numbers', (_, a, b, c) => commands.put('t', { priority: a, delay: b, ttr: c, body })],
  ['put, its tube', (text) => commands.put(text, { priority: 1, delay: 0, ttr: 1, body })],
  ['use', (text) => commands.use(text)],
  ['watch', (text) => commands.watch(text)],
  ['ignore', (text) => commands.ignore(text)],
  ['reserve', (text) => commands.reserve([text])],
  ['reserve from two', (text) => commands.reserve(['t', text])],
  ['reserve-with-timeout, its seconds', (_, a) => commands.reserveWithTimeout(['t'], a)],
  ['reserve-with-timeout, its tube', (text) => commands.reserveWithTimeout([text], 1)],
  ['reserve-job', (text) => commands.reserveJob(text)],
  ['delete', (text) => commands.deleteJob(text)],
  ['release', (text, a, b) => commands.release(text, a, b)],
  ['release, its numbers', (_, a, b) => commands.release('7', a, b)],
  ['bury', (text, a) => commands.bury(text, a)],
  ['bury, its priority', (_, a) => commands.bury('7', a)],
  ['touch', (text) => commands.touch(text)],
  ['peek', (text) => commands.peek(text)],
  ['peek-ready', (text) => commands.peekNext('ready', text)],
  ['kick, its bound', (_, a) => commands.kick('t', a)],
  ['kick, its tube', (text) => commands.kick(text, 1)],
  ['kick-job', (text) => commands.kickJob(text)],
  ['stats-tube', (text) => commands.statsTube(text)],
  ['stats-job', (text) => commands.statsJob(text)],
  ['pause-tube', (text, a) => commands.pauseTube(text, a)],
  ['pause-tube, its seconds', (_, a) => commands.pauseTube('t', a)],
];

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\r\n', '1\r\ndelete 1', 'a b', '1 2', '\0', '-', 'ſ', 'K', '\u{1F600}', '1e3', '0x1'),
  fc.string({ unit: fc.constantFrom('a', '1', '-', ' ', '\r', '\n', '\0'), maxLength: 5 }),
  fc.constantFrom('a'.repeat(200), 'a'.repeat(201), '1'.repeat(20), '1'.repeat(21), '18446744073709551616'),
);

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.nat(),
  fc.constantFrom(-0, 0, largest, largest + 1, 0.5, 1e21, 1e-7, -1, Number.NaN, Infinity, -Infinity),
);

const TUBE = '[A-Za-z0-9+/;.$_()][A-Za-z0-9+/;.$_()-]{0,199}';
/** Every line with a value in it, as beanstalkd's protocol has it: N is a number of 32 bits, I an id. */
const LINES = [
  '(use|watch|ignore|stats-tube) T',
  'pause-tube T N',
  'put N N N N',
  'release I N N',
  'bury I N',
  'kick N',
  'reserve-with-timeout N',
  '(delete|touch|peek|kick-job|reserve-job|stats-job) I',
  'reserve|peek-ready',
];
const KINDS: Readonly<Record<string, string>> = { T: TUBE, N: '[0-9]{1,10}', I: '[0-9]{1,20}' };
const LINE = new RegExp(`^(${LINES.join('|').replaceAll(/\b[TNI]\b/g, (kind) => KINDS[kind] ?? kind)})$`);

test.each(MAKERS)('%s: a line of beanstalkd or a RangeError, whatever it is given', (_, make) => {
  fc.assert(
    fc.property(anyText, anyNumber, anyNumber, anyNumber, (text, a, b, c) => {
      let command: Command<ReplyName>;
      try {
        command = make(text, a, b, c);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return;
      }
      expect(Buffer.byteLength(command.line) + 2).toBeLessThanOrEqual(224);
      expect(command.line).toMatch(LINE);
      for (const number of [a, b, c].filter((value) => !(value >= 0 && value <= largest))) {
        expect(command.line.split(' ')).not.toContain(`${number}`);
      }
      for (const tube of [command.use ?? 't', ...(command.watch ?? [])]) {
        expect(tube).toMatch(new RegExp(`^${TUBE}$`));
      }
    }),
    { numRuns: 200 },
  );
});

test('the longest line there is has 224 bytes', () => {
  const { line } = commands.pauseTube('x'.repeat(200), largest);
  expect(line.length + 2).toBe(224);
});

test('to watch nothing is a RangeError: beanstalkd would refuse to ignore the last tube', () => {
  expect(() => commands.reserve([])).toThrow(RangeError);
  expect(() => commands.reserveWithTimeout([], 0)).toThrow(RangeError);
});
