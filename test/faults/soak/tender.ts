import type { Choices } from '../choices.ts';
import { type Callers, WITHIN_MS } from './callers.ts';
import { rest } from './rest.ts';
import { TUBES } from './tubes.ts';

/** Looks after what workers have buried: it is to be worked on again. */
export async function tend(callers: Callers, choices: Choices, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await rest(choices.integer(500, 2_000), over);
    await callers.call({
      method: 'POST',
      path: `/v1/tubes/${choices.oneOf(TUBES)}/kick?bound=100`,
      withinMs: WITHIN_MS.kick,
    });
  }
}
