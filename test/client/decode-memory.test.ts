import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Reply } from '../../src/client/decode.ts';
import { CountedMemory } from '../support/connection.ts';
import { anyReply, hear, repliesOf, someCuts, wireOf } from './replies.ts';

const held = (replies: readonly Reply[]): number =>
  replies
    .map((reply) => (reply.name === 'RESERVED' || reply.name === 'FOUND' ? (reply.body?.length ?? 0) : 0))
    .reduce((sum, bytes) => sum + bytes, 0);

test('refused memory skips exactly the body: every other reply is as it was', () => {
  fc.assert(
    fc.property(
      fc.array(anyReply, { maxLength: 20 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.nat({ max: 60 }),
      (stream, at, max) => {
        const wire = wireOf(stream);
        const memory = new CountedMemory(max);
        let left = max;
        const expected = repliesOf(stream).map((reply) => {
          if (reply.name !== 'RESERVED' && reply.name !== 'FOUND') return reply;
          const bytes = reply.body?.length ?? 0;
          if (bytes > left) return { ...reply, body: undefined };
          left -= bytes;
          return reply;
        });
        expect(hear(wire, someCuts(wire, at), memory).replies).toEqual(expected);
        expect(memory.used).toBe(max - left);
      },
    ),
  );
});

test('statistics take no memory of the bodies', () => {
  const memory = new CountedMemory(0);
  expect(hear(Buffer.from('OK 3\r\nabc\r\n'), [], memory).replies).toEqual([
    { name: 'OK', body: Buffer.from('abc') },
  ]);
  expect(memory.used).toBe(0);
});

test('wherever it is abandoned, only the bodies that were handed over stay taken', () => {
  fc.assert(
    fc.property(fc.array(anyReply, { minLength: 1, maxLength: 6 }), fc.nat(), (stream, at) => {
      const wire = wireOf(stream);
      const memory = new CountedMemory();
      const { replies, decoder } = hear(wire.subarray(0, at % (wire.length + 1)), [], memory);
      decoder.abandon();
      expect(memory.used).toBe(held(replies));
      decoder.abandon();
      expect(memory.used).toBe(held(replies));
    }),
    { numRuns: 300 },
  );
});

test('a refused body that is abandoned gives nothing back', () => {
  const memory = new CountedMemory(0);
  hear(Buffer.from('RESERVED 1 5\r\nab'), [], memory).decoder.abandon();
  expect(memory.used).toBe(0);
});

test('a body behind which something else stands gives its memory back', () => {
  const memory = new CountedMemory();
  const { error, decoder } = hear(Buffer.from('FOUND 1 3\r\nabcd\r\n'), [], memory);
  expect(error).toBe('PROTOCOL_ERROR');
  decoder.abandon();
  expect(memory.used).toBe(0);
});
