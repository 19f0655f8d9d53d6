import fc from 'fast-check';
import { type BodyMemory, type Reply, ReplyDecoder } from '../../src/client/decode.ts';
import { BeanstalkdError } from '../../src/client/errors.ts';
import { CountedMemory } from '../support/connection.ts';

/** A reply as it stands on the wire, and as it must be read. */
export interface Told {
  readonly wire: Buffer;
  readonly reply: Reply;
}

const BARE = [
  'RELEASED',
  'DELETED',
  'TOUCHED',
  'PAUSED',
  'NOT_FOUND',
  'NOT_IGNORED',
  'TIMED_OUT',
  'DEADLINE_SOON',
  'DRAINING',
  'JOB_TOO_BIG',
  'EXPECTED_CRLF',
  'OUT_OF_MEMORY',
  'INTERNAL_ERROR',
  'BAD_FORMAT',
  'UNKNOWN_COMMAND',
] as const;

const anyId = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
  fc.constantFrom('0', '1', '9007199254740993', '18446744073709551615'),
);

/** Bodies that try to be taken for something else. */
const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom('', '\r', '\n', '\r\n', '\r\n\r\n', '\0', 'RESERVED 1 3\r\n', 'x\r\nDELETED\r\n', 'a\0\r')
    .map((text) => Buffer.from(text)),
);

const tubeName = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9+/;.$_()][A-Za-z0-9\-+/;.$_()]{0,20}$/),
  fc.constant('t'.repeat(200)),
);

const line = (text: string, reply: Reply): Told => ({ wire: Buffer.from(`${text}\r\n`), reply });

const withBody = (head: string, body: Buffer, reply: Reply): Told => ({
  wire: Buffer.concat([Buffer.from(`${head} ${body.length}\r\n`), body, Buffer.from('\r\n')]),
  reply,
});

export const anyReply: fc.Arbitrary<Told> = fc.oneof(
  fc.constantFrom(...BARE).map((name) => line(name, { name })),
  fc.constantFrom('BURIED' as const, 'KICKED' as const).map((name) => line(name, { name })),
  anyId.map((id) => line(`INSERTED ${id}`, { name: 'INSERTED', id })),
  anyId.map((id) => line(`BURIED ${id}`, { name: 'BURIED', id })),
  fc.nat().map((count) => line(`KICKED ${count}`, { name: 'KICKED', count })),
  fc.nat().map((count) => line(`WATCHING ${count}`, { name: 'WATCHING', count })),
  tubeName.map((tube) => line(`USING ${tube}`, { name: 'USING', tube })),
  anyBody.map((body) => withBody('OK', body, { name: 'OK', body })),
  fc
    .tuple(fc.constantFrom('RESERVED' as const, 'FOUND' as const), anyId, anyBody)
    .map(([name, id, body]) => withBody(`${name} ${id}`, body, { name, id, body })),
);

export const wireOf = (stream: readonly Told[]): Buffer => Buffer.concat(stream.map(({ wire }) => wire));

export const repliesOf = (stream: readonly Told[]): Reply[] => stream.map(({ reply }) => reply);

export interface Heard {
  readonly replies: Reply[];
  /** The code of the error that ended it. */
  readonly error: string | undefined;
  readonly decoder: ReplyDecoder;
}

/** Feeds bytes cut at the given places. Each piece is scribbled over afterwards: a reply must own its bytes. */
export function hear(
  wire: Buffer,
  cuts: readonly number[] = [],
  memory: BodyMemory = new CountedMemory(),
): Heard {
  const replies: Reply[] = [];
  const decoder = new ReplyDecoder(memory, (reply) => replies.push(reply));
  let from = 0;
  try {
    for (const to of [...cuts, wire.length]) {
      const piece = Buffer.from(wire.subarray(from, to));
      decoder.write(piece);
      piece.fill(0x2a);
      from = to;
    }
  } catch (error) {
    if (!(error instanceof BeanstalkdError)) throw error;
    return { replies, error: error.code, decoder };
  }
  return { replies, error: undefined, decoder };
}

/** Every place at which a stream can be cut: together, byte by byte. */
export const everyCut = (wire: Buffer): number[] => Array.from({ length: wire.length }, (_, at) => at);

/** Some places, in order. */
export const someCuts = (wire: Buffer, at: readonly number[]): number[] =>
  at.map((place) => place % (wire.length + 1)).sort((a, b) => a - b);
