import type { Connection } from './connection.ts';
import type { BodyMemory } from './decode.ts';
import type { DialOptions } from './dial.ts';
import type { BeanstalkdError } from './errors.ts';

export interface ConnectionOptions extends DialOptions {
  /** Milliseconds that a command may take unless it says otherwise. */
  readonly commandTimeoutMs: number;
  readonly memory: BodyMemory;
  /** Called once, when the connection has become useless. */
  readonly onBroken?: (error: BeanstalkdError) => void;
  /** Called once it is {@link Connection.silent}. */
  readonly onSilent?: (connection: Connection) => void;
  /** Called for every command that is over. */
  readonly onCommand?: CommandObserver;
}

export type CommandObserver = (name: string, seconds: number, ok: boolean) => void;
