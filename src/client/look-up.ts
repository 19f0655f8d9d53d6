import { type LookupOptions, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Answer = Parameters<LookupFunction>[2];

const waiting = new Map<string, Answer[]>();

/**
 * Looks a name up, once for all who ask meanwhile. A look-up goes on until the resolver gives up, also when its
 * dial is over, and nothing can shorten it (BEANSTALKD.md, section 6): with a name server that does not answer,
 * those of an attempt a second would pile up, and all fall upon it at its return.
 */
export const lookUp: LookupFunction = (name: string, options: LookupOptions, answer: Answer): void => {
  const others = waiting.get(name);
  if (others !== undefined) {
    others.push(answer);
    return;
  }
  const asking = [answer];
  waiting.set(name, asking);
  lookup(name, options, (error, address, family) => {
    waiting.delete(name);
    for (const each of asking) each(error, address, family);
  });
};
