import type { Command } from './commands.ts';
import type { Reply, ReplyName } from './decode.ts';
import type { BeanstalkdError } from './errors.ts';

/** A command that was asked for and not answered. Moments are `performance.now()`. */
export interface Pending {
  readonly command: Command<ReplyName>;
  readonly startedAt: number;
  readonly timeoutMs: number;
  deadline: number;
  /** What it has on the wire. */
  bytes: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: BeanstalkdError) => void;
}

/** A body on its way renews its command's deadline by progress, up to so many deadlines in all. */
const DEADLINES_MAX = 6;

/** Part of a body has moved, so beanstalkd is alive: the oldest command gets more time. */
export function renew(oldest: Pending | undefined): void {
  if (oldest === undefined) return;
  const { startedAt, timeoutMs } = oldest;
  const latest = startedAt + timeoutMs * DEADLINES_MAX;
  oldest.deadline = Math.max(oldest.deadline, Math.min(performance.now() + timeoutMs, latest));
}

export const wasRenewed = ({ startedAt, timeoutMs, deadline }: Pending): boolean =>
  deadline > startedAt + timeoutMs;
