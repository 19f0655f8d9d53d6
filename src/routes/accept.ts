import type { FastifyReply } from 'fastify';

/*
 * Content negotiation (RFC 9110, section 12.5.1). Parameters of a media range other than `q` are ignored:
 * nothing here is served in two versions that differ by one.
 */

interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

const QUALITY = /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/;

/** The offer that the `Accept` header likes best, the first of equals; undefined when it allows none. */
export function preferred<const T extends string>(
  accept: string | undefined,
  offers: readonly T[],
): T | undefined {
  const [first] = offers;
  if (accept === undefined || accept === '*/*' || accept === first) return first;
  const ranges = parse(accept);
  let best: T | undefined;
  let bestQuality = 0;
  for (const offer of offers) {
    const quality = qualityOf(offer, ranges);
    if (quality > bestQuality) {
      best = offer;
      bestQuality = quality;
    }
  }
  return best;
}

/** The answer depends on the `Accept` header, besides what it depends on already (CORS: `Origin`). */
export function varyByAccept(reply: FastifyReply): void {
  reply.header('vary', [reply.getHeader('vary') ?? [], 'accept'].flat().join(', '));
}

function parse(accept: string): MediaRange[] {
  const ranges: MediaRange[] = [];
  for (const element of accept.split(',')) {
    const [range = '', ...parameters] = element.split(';');
    const [type = '', subtype = ''] = range.trim().toLowerCase().split('/');
    // An element that is none is skipped; with nothing left, nothing is acceptable.
    if (type !== '' && subtype !== '') ranges.push({ type, subtype, quality: qualityIn(parameters) });
  }
  return ranges;
}

function qualityIn(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() === 'q') return QUALITY.test(value.trim()) ? Number(value) : 0;
  }
  return 1;
}

/** The most specific range that matches decides, wherever it stands. */
function qualityOf(offer: string, ranges: readonly MediaRange[]): number {
  const [type, subtype] = offer.split('/');
  let quality = 0;
  let precision = 0;
  for (const range of ranges) {
    const matches =
      range.type === type
        ? range.subtype === subtype
          ? 3
          : range.subtype === '*'
            ? 2
            : 0
        : range.type === '*' && range.subtype === '*'
          ? 1
          : 0;
    if (matches > precision) {
      precision = matches;
      quality = range.quality;
    }
  }
  return quality;
}
