import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

/**
 * Runs "$@" and ends with its status. The program never outlives the gateway: descriptor 3 is a pipe that
 * only the gateway holds open, and when it closes, whatever killed the gateway, the watcher kills the whole
 * process group. Only the watcher keeps its end of that pipe, so the gateway sees the watcher die too.
 * The program has none of these descriptors, and the shell's own remarks ("Killed") stay out of its stderr.
 * `kill 0` is the group of the caller, which `detached` has made: no process id can be mistaken for another.
 */
const SCRIPT = `
umask 077
exec 4>&2 2>/dev/null
( exec 4>&-; read -r _ <&3; kill -KILL 0 ) &
watcher=$!
"$@" 2>&4 3<&- 4>&- &
program=$!
exec 3<&- 4>&-
wait "$program"
status=$?
kill -KILL "$watcher"
wait "$watcher"
exit "$status"
`;

const SHELL_END_MS = 1000;

/** A program in a process group of its own that ends when this process does. */
export class Supervised {
  /** Resolves with the reason once all of the group has ended. Never rejects. */
  readonly ended: Promise<string>;
  readonly #shell: ChildProcess;
  #lastLine = '';
  #hasEnded = false;

  constructor(command: readonly string[], onStderrLine: (line: string) => void) {
    // Detached is a session of its own: Ctrl-C and a closed terminal reach the gateway alone.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', ...command], {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const guard = this.#shell.stdio[3];
    guard?.on('error', () => {});
    guard?.on('close', () => this.#unguarded());
    // Unread, a stream never closes.
    if (guard instanceof Readable) guard.resume();
    // A shell that was killed leaves the program behind.
    this.#shell.on('exit', () => this.kill('SIGKILL'));
    if (this.#shell.stderr !== null) {
      createInterface({ input: this.#shell.stderr }).on('line', (line) => {
        this.#lastLine = line;
        onStderrLine(line);
      });
    }
    this.ended = new Promise((resolve) => {
      this.#shell.on('error', (error) => {
        this.#hasEnded = true;
        resolve(`/bin/sh: ${error.message}`);
      });
      // Unlike `exit`, `close` waits for stderr, which the program holds: then it is gone as well.
      this.#shell.on('close', (code, signal) => {
        this.#hasEnded = true;
        resolve(this.#reason(code, signal));
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Sends a signal to the whole group, and to nothing once that has ended. */
  kill(signal: NodeJS.Signals): void {
    if (this.#hasEnded || this.#shell.pid === undefined) return;
    try {
      process.kill(-this.#shell.pid, signal);
    } catch {
      // ESRCH: nobody is left in the group.
    }
  }

  /** The watcher has ended. The shell ends it before itself, and has its status to give; else nobody watches. */
  #unguarded(): void {
    setTimeout(() => this.kill('SIGKILL'), SHELL_END_MS).unref();
  }

  #reason(code: number | null, signal: NodeJS.Signals | null): string {
    const how = signal ?? (code === null ? undefined : signalOfStatus(code));
    const reason = how === undefined ? `exit code ${code}` : `killed by ${how}`;
    return this.#lastLine === '' ? reason : `${reason}: ${this.#lastLine}`;
  }
}

/** A shell reports a program killed by signal n as 128 + n. */
function signalOfStatus(code: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
}
