import type { Command } from './commands.ts';
import type { Reply, ReplyName } from './decode.ts';
import { BeanstalkdError } from './errors.ts';

export const lost = (why: string, cause?: unknown) =>
  new BeanstalkdError('CONNECTION_LOST', 'unknown', why, { cause });

export const silence = (command: Command<ReplyName>, timeoutMs: number) =>
  new BeanstalkdError('TIMEOUT', 'unknown', `no answer to ${command.name} in ${Math.round(timeoutMs)} ms`);

export const notSentInTime = (command: Command<ReplyName>, timeoutMs: number) =>
  new BeanstalkdError('TIMEOUT', 'none', `${command.name} could not be sent in ${timeoutMs} ms`);

/** The same failure for a command that never left. */
export const unsent = (error: BeanstalkdError) =>
  new BeanstalkdError(
    error.code === 'TIMEOUT' ? 'TIMEOUT' : 'CONNECTION_LOST',
    'none',
    `not sent: ${error.message}`,
    { cause: error },
  );

export const protocolError = (command: Command<ReplyName> | undefined, reply: Reply) =>
  new BeanstalkdError(
    'PROTOCOL_ERROR',
    'unknown',
    `${reply.name} is no reply to ${command?.name ?? 'anything sent'}`,
  );

/** A well-formed refusal of one command breaks nothing; on a holder that would end everybody's reservations. */
export function refused(command: Command<ReplyName>, reply: Reply): BeanstalkdError {
  // Except of `use`, `watch` and `ignore`: what comes behind is on its way to the wrong tube.
  if (command.tube !== undefined) return protocolError(command, reply);
  switch (reply.name) {
    case 'INTERNAL_ERROR':
      return new BeanstalkdError(
        'INTERNAL_ERROR',
        'unknown',
        `beanstalkd answered INTERNAL_ERROR to ${command.name}`,
      );
    case 'OUT_OF_MEMORY':
      return new BeanstalkdError(
        'OUT_OF_MEMORY',
        command.name === 'put' ? 'none' : 'unknown',
        `beanstalkd answered OUT_OF_MEMORY to ${command.name}`,
      );
    case 'DRAINING':
    case 'JOB_TOO_BIG':
      if (command.name !== 'put') return protocolError(command, reply);
      return new BeanstalkdError(reply.name, 'none', `beanstalkd answered ${reply.name}`);
    default:
      return protocolError(command, reply);
  }
}
