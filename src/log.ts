import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** The log: JSON lines on stdout, or readable ones where a person looks on. */
export function createLogger(level: string, terminal: boolean): Logger {
  if (!terminal) return pino({ level });
  // A stream in this thread: a worker could lose the last lines of a process that exits.
  return pino({ level }, pretty({ sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }));
}
