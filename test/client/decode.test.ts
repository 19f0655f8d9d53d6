import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyReply, everyCut, hear, repliesOf, someCuts, wireOf } from './replies.ts';

test('a short stream gives exactly its replies, cut in two anywhere and byte by byte', () => {
  fc.assert(
    fc.property(fc.array(anyReply, { maxLength: 4 }), (stream) => {
      const wire = wireOf(stream);
      const expected = repliesOf(stream);
      expect(hear(wire, everyCut(wire)).replies).toEqual(expected);
      for (const cut of everyCut(wire)) {
        const { replies, decoder } = hear(wire, [cut]);
        expect(replies).toEqual(expected);
        expect(decoder.midBody).toBe(false);
      }
    }),
    { numRuns: 60 },
  );
});

test('a long stream gives exactly its replies in pieces of any size', () => {
  fc.assert(
    fc.property(
      fc.array(anyReply, { minLength: 50, maxLength: 150 }),
      fc.array(fc.nat(), { maxLength: 100 }),
      (stream, at) => {
        const wire = wireOf(stream);
        expect(hear(wire, someCuts(wire, at)).replies).toEqual(repliesOf(stream));
      },
    ),
    { numRuns: 60 },
  );
});

test('a reply is told when its last byte has come, and not before', () => {
  fc.assert(
    fc.property(anyReply, ({ wire, reply }) => {
      const begun = hear(wire.subarray(0, -1));
      expect(begun.replies).toEqual([]);
      expect(begun.decoder.midBody).toBe('body' in reply);
      begun.decoder.write(wire.subarray(-1));
      expect(begun.replies).toEqual([reply]);
      expect(begun.decoder.midBody).toBe(false);
    }),
  );
});

test('a body of a megabyte comes whole out of pieces of 64 KiB', () => {
  const body = Buffer.alloc(1_048_576, 'ab\r\n\0');
  const wire = Buffer.concat([Buffer.from('RESERVED 7 1048576\r\n'), body, Buffer.from('\r\nDELETED\r\n')]);
  const cuts = Array.from({ length: 16 }, (_, n) => (n + 1) * 65_536);
  const [reserved, deleted] = hear(wire, cuts).replies;
  expect(reserved?.name === 'RESERVED' && reserved.body?.equals(body)).toBe(true);
  expect(deleted).toEqual({ name: 'DELETED' });
});
