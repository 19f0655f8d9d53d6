import fc from 'fast-check';
import { expect, test } from 'vitest';
import { anyReply, everyCut, hear, wireOf } from './replies.ts';

test.each([
  ['an empty line', '\r\n'],
  ['an unknown word', 'GARBAGE\r\n'],
  ['an answer of a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
  ['a word in small letters', 'deleted\r\n'],
  ['a word with a tail', 'DELETED 5\r\n'],
  ['a word behind a space', ' DELETED\r\n'],
  ['a bare LF', 'DELETED\n'],
  ['a bare CR in the line', 'USING a\rb\r\n'],
  ['a NUL in the line', 'USING a\0b\r\n'],
  ['no id', 'INSERTED\r\n'],
  ['an empty id', 'INSERTED \r\n'],
  ['a negative id', 'INSERTED -1\r\n'],
  ['an id with a sign', 'INSERTED +1\r\n'],
  ['an id that is no number', 'INSERTED 1x\r\n'],
  ['an id of 21 digits', 'INSERTED 184467440737095516150\r\n'],
  ['an id beyond 64 bits', 'INSERTED 18446744073709551616\r\n'],
  ['two ids', 'INSERTED 1 2\r\n'],
  ['no count', 'WATCHING\r\n'],
  ['a fraction', 'KICKED 1.5\r\n'],
  ['no tube', 'USING\r\n'],
  ['an empty tube', 'USING \r\n'],
  ['two tubes', 'USING a b\r\n'],
  ['no length', 'RESERVED 1\r\n'],
  ['a negative length', 'RESERVED 1 -1\r\n'],
  ['a length in hexadecimal', 'FOUND 1 0x10\r\n'],
  ['three numbers', 'FOUND 1 2 3\r\nab\r\n'],
  ['a body longer than announced', 'RESERVED 1 3\r\nabcd\r\n'],
  ['a body with half a trailer', 'RESERVED 1 3\r\nabc\rx'],
  ['a body with a bare LF behind it', 'OK 3\r\nabc\n\r\n'],
  ['a body of 1.5 GiB', 'RESERVED 1 1610612736\r\n'],
  ['statistics of 1.5 GiB', 'OK 1610612736\r\n'],
  ['a length of 20 digits', 'FOUND 1 18446744073709551615\r\n'],
])('%s is a protocol error, in one piece and byte by byte', (_, bytes) => {
  const wire = Buffer.from(bytes, 'latin1');
  expect(hear(wire)).toMatchObject({ replies: [], error: 'PROTOCOL_ERROR' });
  expect(hear(wire, everyCut(wire))).toMatchObject({ replies: [], error: 'PROTOCOL_ERROR' });
});

test('a body of exactly 1 GiB is announced without an error', () => {
  const refuses = { take: () => false, give: () => {} };
  expect(hear(Buffer.from('RESERVED 1 1073741824\r\n'), [], refuses).error).toBeUndefined();
});

test('a line without end is refused before its end, in pieces of any size', () => {
  for (const piece of [1, 7, 100, 256, 257, 1_000, 65_536]) {
    const wire = Buffer.alloc(65_536, 'x');
    const cuts = Array.from({ length: Math.floor(wire.length / piece) }, (_, n) => n * piece);
    expect(hear(wire, cuts).error, `pieces of ${piece}`).toBe('PROTOCOL_ERROR');
  }
});

test('a line longer than any reply is refused, wherever a CR stands in it and wherever it is cut', () => {
  for (const cr of [200, 254, 255, 256, 257]) {
    const wire = Buffer.from(`USING ${'a'.repeat(cr - 6)}\r${'b'.repeat(300)}\nDELETED\r\n`);
    for (const cuts of [[], everyCut(wire), [wire.indexOf('\n')], [100], [255, 256], [256, 257]]) {
      expect(hear(wire, cuts), `a CR at ${cr}, cut at ${cuts.slice(0, 3)}`).toMatchObject({
        replies: [],
        error: 'PROTOCOL_ERROR',
      });
    }
  }
});

test('what is read from damaged bytes does not depend on where they are cut', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 10, 13, 32, 48, 65, 255)), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(anyReply, { minLength: 1, maxLength: 4 }), damage, (stream, changes) => {
      const wire = wireOf(stream);
      for (const [at, byte] of changes) wire[at % wire.length] = byte;
      const { replies, error } = hear(wire);
      expect(hear(wire, everyCut(wire))).toMatchObject({ replies, error });
      for (const cut of everyCut(wire)) expect(hear(wire, [cut])).toMatchObject({ replies, error });
    }),
    { numRuns: 100 },
  );
});
