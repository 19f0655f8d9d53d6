import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { anyCall } from './call.ts';
import { heapUsed } from './heap.ts';
import { Stage } from './stage.ts';

/** Of the first story; the next ones count on from it. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 1);
/** At least. */
const CALLS = Number(process.env['FUZZ_CALLS'] ?? 30_000);

/** Calls of one story; half as many on average. */
const STORY_MAX = 800;
/** So much a call the books themselves keep, and the gateway's memory of endings, which is bounded. */
const GROWTH_MAX_BYTES = 1_000;
/** What V8 compiles and keeps meanwhile, whatever the number of calls. */
const GROWTH_ANYWAY_BYTES = 4_000_000;
/** In fewer calls some operation may not meet anything to work on. */
const ENOUGH_CALLS = 5_000;
const MINUTE_MS = 60_000;

let stage: Stage | undefined;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage?.close());

test('any calls that the document makes thinkable', { timeout: 20 * MINUTE_MS }, async () => {
  const startedAt = performance.now();
  let calls = 0;
  let seed = SEED;
  const playUntil = async (enough: number) => {
    for (; calls < enough; seed += 1) calls += await playStory(seed);
  };
  await playUntil(CALLS / 2);
  const [callsBefore, heapBefore] = [calls, heapUsed()];
  await playUntil(CALLS);
  const grownMax = GROWTH_ANYWAY_BYTES + (calls - callsBefore) * GROWTH_MAX_BYTES;
  expect(heapUsed() - heapBefore).toBeLessThan(grownMax);
  if (calls >= ENOUGH_CALLS) expect(stage?.neverCarriedOut()).toEqual([]);
  await stage?.finish();
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`fuzz: ${calls} calls, ${Math.round(calls / seconds)} a second; the next seed is ${seed}`);
});

/** Resolves with the number of its calls; rejects with the shortest story found that goes wrong. */
async function playStory(seed: number): Promise<number> {
  stage ??= await Stage.open();
  let calls = 0;
  const stories = fc.array(anyCall(stage.document), { maxLength: STORY_MAX, size: 'max' });
  const property = fc.asyncProperty(stories, async (story) => {
    calls = story.length;
    stage ??= await Stage.open();
    try {
      await stage.play(story);
    } catch (error) {
      // What went wrong may have left anything behind: a shorter story is told from the beginning.
      await stage.close();
      stage = undefined;
      throw error;
    }
  });
  const told = await fc.check(property, {
    seed,
    numRuns: 1,
    // Values are weighed by hand, and stories are to be of all lengths.
    unbiased: true,
    interruptAfterTimeLimit: 2 * MINUTE_MS,
    includeErrorInReport: true,
  });
  if (told.failed) {
    throw new Error(`FUZZ_SEED=${seed} begins with this story.\n${await fc.asyncDefaultReportMessage(told)}`);
  }
  return calls;
}
