import type { ByteProxy, Link } from './byte-proxy.ts';

/** Which of the replies held back is meddled with, counted from 0. */
export const FAULTY = 6;

/**
 * What beanstalkd says on one connection is held back until it has given so many of these replies. Then `say` says to
 * the gateway what it likes, and from then on all passes again.
 */
export function holdBack(proxy: ByteProxy, reply: RegExp, count: number, say: Say): void {
  let meddledWith: Link | undefined;
  let held = '';
  proxy.meddle = (chunk, link) => {
    const said = chunk.toString('latin1');
    if (meddledWith === undefined && said.match(reply) !== null) meddledWith = link;
    if (link !== meddledWith) return chunk;
    held += said;
    if (held.match(reply)?.length === count) {
      proxy.meddle = undefined;
      say(held, link);
    }
    return undefined;
  };
}

export type Say = (replies: string, link: Link) => void;

/** Something else in the place of the faulty reply. */
export const sayingInstead =
  (reply: RegExp, by: (faulty: string) => string): Say =>
  (replies, { gateway }) => {
    let n = 0;
    const said = replies.replace(reply, (one) => (n++ === FAULTY ? by(one) : one));
    gateway.write(said, 'latin1');
  };

/** All up to the middle of the faulty reply. */
function upToTheMiddle(reply: RegExp, replies: string): string {
  const faulty = [...replies.matchAll(reply)][FAULTY];
  return replies.slice(0, (faulty?.index ?? 0) + (faulty?.[0].length ?? 0) / 2);
}

/** Cut in the middle of the faulty reply, and the connection closed. */
export const closing =
  (reply: RegExp): Say =>
  (replies, { gateway }) => {
    gateway.end(upToTheMiddle(reply, replies), 'latin1');
  };

/** Cut in the middle of the faulty reply, and silence from then on. */
export const fallingSilent =
  (reply: RegExp): Say =>
  (replies, { gateway, beanstalkd }) => {
    beanstalkd.pause();
    gateway.write(upToTheMiddle(reply, replies), 'latin1');
  };
