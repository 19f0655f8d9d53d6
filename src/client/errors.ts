/**
 * What a failed command may have done. `none`: it was never carried out, so a retry is safe.
 * `unknown`: it was sent, and no answer says what became of it.
 */
export type Outcome = 'none' | 'unknown';

export type BeanstalkdErrorCode =
  /** No connection could be made: refused, unresolvable, or silent past the dial timeout. */
  | 'UNREACHABLE'
  /** The connection broke. `outcome` is `unknown` for commands that had been sent. */
  | 'CONNECTION_LOST'
  /** The command's own deadline passed. `outcome` is `unknown` when it had been sent. */
  | 'TIMEOUT'
  /** More commands wait unsent than the connection is willing to keep. */
  | 'QUEUE_FULL'
  /** The answer is none that the protocol allows; the connection is broken by it. */
  | 'PROTOCOL_ERROR'
  | 'INTERNAL_ERROR'
  | 'OUT_OF_MEMORY'
  | 'DRAINING'
  | 'JOB_TOO_BIG';

/** Everything that a connection to beanstalkd rejects with. Match on `code`. */
export class BeanstalkdError extends Error {
  override readonly name = 'BeanstalkdError';
  readonly code: BeanstalkdErrorCode;
  readonly outcome: Outcome;

  constructor(code: BeanstalkdErrorCode, outcome: Outcome, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.outcome = outcome;
  }
}
