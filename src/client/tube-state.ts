import { type Command, ignore, use, watch } from './commands.ts';
import type { ReplyName } from './decode.ts';

type TubeCommand = Command<'USING' | 'WATCHING' | 'NOT_IGNORED'>;

const NONE: readonly TubeCommand[] = [];

/** Which tube a connection uses and which it watches, once all that was sent has been carried out. */
export class TubeState {
  #used = 'default';
  #watched: readonly string[] = ['default'];

  /** What must be sent ahead of a command; nothing where it would change nothing. */
  ahead(command: Command<ReplyName>): readonly TubeCommand[] {
    if (command.tube !== undefined) this.#remember(command.name, command.tube);
    if (command.use !== undefined && command.use !== this.#used) {
      this.#used = command.use;
      return [use(command.use)];
    }
    if (command.watch !== undefined && command.watch !== this.#watched) return this.#watchOnly(command.watch);
    return NONE;
  }

  #remember(command: string, tube: string): void {
    const others = this.#watched.filter((watched) => watched !== tube);
    if (command === 'use') this.#used = tube;
    else if (command === 'watch') this.#watched = [...others, tube];
    else if (others.length > 0) this.#watched = others;
  }

  /** Adds before it takes away: the last watched tube cannot be ignored. */
  #watchOnly(tubes: readonly string[]): TubeCommand[] {
    const watched = new Set(this.#watched);
    const wanted = new Set(tubes);
    this.#watched = tubes;
    return [
      ...[...wanted].filter((tube) => !watched.has(tube)).map(watch),
      ...[...watched].filter((tube) => !wanted.has(tube)).map(ignore),
    ];
  }
}
