import { describe, expect, test } from 'vitest';
import { bodyOf } from './bodies.ts';
import { type Held, type Job, Ledger } from './ledger.ts';
import type { Ending, Verdict } from './reservation.ts';
import { Violations } from './violations.ts';

const SEED = 7;
const DONE: Verdict = { is: 'done' };
const NONE: Verdict = { is: 'none' };
const UNKNOWN: Verdict = { is: 'unknown' };
const over = (reason: string): Verdict => ({ is: 'over', reason });

/** A ledger, and a story told to it; moments are milliseconds. */
class Story {
  readonly violations = new Violations();
  readonly ledger = new Ledger(SEED, this.violations);

  put(verdict: 'acknowledged' | 'none' | 'unknown' = 'acknowledged'): Job {
    const job = this.ledger.newJob();
    this.ledger.put(job, verdict, verdict === 'acknowledged' ? String(job.number) : undefined);
    return job;
  }

  /** Asked for and delivered at these moments, with a TTR of a second. */
  deliver(job: Job, [sentAt, toldAt]: readonly [number, number], { life = 1, id = String(job.number) } = {}) {
    const expiresAt = toldAt + 1_000;
    return this.ledger.delivered(job.body, { token: 't', id, expiresAt, sentAt, toldAt, life });
  }

  held(job: Job, at: readonly [number, number]): Held {
    const held = this.deliver(job, at);
    if (held === undefined) throw new Error('it was not to be had');
    return held;
  }

  settle(held: Held, ending: Ending, at: readonly [number, number], verdict: Verdict, life = 1): void {
    const [sentAt, toldAt] = at;
    this.ledger.settling(held, ending, sentAt);
    this.ledger.settled(held, ending, verdict, { sentAt, toldAt, life });
  }

  touch(held: Held, [sentAt, toldAt]: readonly [number, number], verdict: Verdict, expiresAt?: number): void {
    this.ledger.touched(held, verdict, { sentAt, toldAt, life: 1 }, expiresAt);
  }

  /** The promises that were broken, once the books are closed with these jobs still there. */
  broken(...there: Job[]): string[] {
    this.ledger.balance(there.map(({ body }) => body));
    return this.violations.lines().flatMap((line) => /^ {2}\d+ × (.+)$/.exec(line)?.[1] ?? []);
  }
}

describe('nothing is wrong', () => {
  test('with jobs that are finished, still there, refused, or unknown and never seen', () => {
    const story = new Story();
    const [finished, there] = [story.put(), story.put()];
    story.put('none');
    story.put('unknown');
    story.settle(story.held(finished, [0, 10]), 'delete', [20, 30], DONE);
    expect(story.broken(there)).toEqual([]);
    expect(story.ledger.balance([there.body])).toMatchObject({
      acknowledged: 2,
      refused: 1,
      unknown: 1,
      arrived: 0,
    });
  });

  test('with a put of unknown outcome that arrived', () => {
    const story = new Story();
    const job = story.put('unknown');
    story.settle(story.held(job, [0, 10]), 'delete', [20, 30], DONE);
    expect(story.ledger.balance([])).toMatchObject({ unknown: 1, arrived: 1, finished: 1 });
    expect(story.broken()).toEqual([]);
  });

  test('with a DELETE of unknown outcome, whether the job is gone, there, or delivered again', () => {
    const story = new Story();
    const [gone, there, again] = [story.put(), story.put(), story.put()];
    for (const job of [gone, there, again])
      story.settle(story.held(job, [0, 10]), 'delete', [20, 30], UNKNOWN);
    story.settle(story.held(again, [40, 50]), 'delete', [60, 70], DONE);
    expect(story.ledger.balance([there.body])).toMatchObject({
      finished: 1,
      finishedUnanswered: 1,
      stillThere: 1,
    });
    expect(story.broken(there)).toEqual([]);
  });

  test('when an ending is repeated, also after its expiry, since it was carried out before', () => {
    const story = new Story();
    const held = story.held(story.put(), [0, 10]);
    story.settle(held, 'delete', [20, 30], UNKNOWN);
    story.settle(held, 'delete', [5_000, 5_010], DONE);
    story.settle(held, 'delete', [6_000, 6_010], DONE);
    expect(story.broken()).toEqual([]);
  });

  test.each<[string, (story: Story, held: Held) => void, string]>([
    [
      'released',
      (story, held) => story.settle(held, 'release 0', [20, 30], DONE),
      'released or buried by the worker',
    ],
    [
      'announced as ended',
      (story, held) => story.touch(held, [20, 30], over('connection-lost')),
      'connection lost',
    ],
    ['ended, perhaps', (story, held) => story.settle(held, 'bury', [20, 30], UNKNOWN), 'its ending unknown'],
  ])('when a job comes again after its reservation was %s', (_how, end, why) => {
    const story = new Story();
    const job = story.put();
    end(story, story.held(job, [0, 10]));
    expect(story.deliver(job, [40, 50])?.inDoubt).toEqual([]);
    expect([...story.ledger.again]).toEqual([[why, 1]]);
    expect(story.broken(job)).toEqual([]);
  });

  test('when a job comes again after expiresAt, or from the next life of the gateway', () => {
    const story = new Story();
    const job = story.put();
    story.held(job, [0, 10]);
    expect(story.deliver(job, [1_000, 1_020])?.inDoubt).toEqual([]);
    expect(story.deliver(job, [1_030, 1_040], { life: 2 })?.inDoubt).toEqual([]);
    expect([...story.ledger.again.keys()]).toEqual(['expired', 'the gateway restarted']);
    expect(story.broken(job)).toEqual([]);
  });

  test('when answers arrive in another order than they were given in', () => {
    const story = new Story();
    const job = story.put();
    // The second waited for long: perhaps it had the job first, and lost it.
    const [first, second] = [story.held(job, [100, 110]), story.held(job, [0, 200])];
    story.touch(first, [300, 310], DONE);
    story.touch(second, [300, 310], over('connection-lost'));
    expect(story.broken(job)).toEqual([]);
  });
});

describe('found out', () => {
  const story = (tell: (story: Story, job: Job) => Job[]) => () => {
    const story = new Story();
    return story.broken(...tell(story, story.put()));
  };

  test.each<[string, () => string[]]>([
    ['a job was lost', story(() => [])],
    [
      'a job was lost',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'delete', [20, 30], NONE);
        return [];
      }),
    ],
    [
      'a job was lost',
      story((story, job) => {
        story.held(story.put('unknown'), [0, 10]);
        return [job];
      }),
    ],
    ['a job came although its put was answered `none`', story((story, job) => [job, story.put('none')])],
    [
      'a job came although its put was answered `none`',
      story((story, job) => {
        const early = story.ledger.newJob();
        story.held(early, [0, 10]);
        story.ledger.put(early, 'none');
        return [job];
      }),
    ],
    [
      'a job came again after its DELETE was answered 204',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'delete', [20, 30], DONE);
        expect(story.deliver(job, [0, 40])).toBeUndefined();
        return [];
      }),
    ],
    [
      'a job came again after its DELETE was answered 204',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'delete', [20, 30], DONE);
        return [job];
      }),
    ],
    ['one put made two jobs', story((_story, job) => [job, job])],
    [
      'one put made two jobs',
      story((story, job) => {
        story.deliver(job, [0, 10], { id: '99' });
        return [job];
      }),
    ],
    [
      'a body came that nobody put',
      story((story, job) => {
        expect(story.deliver({ ...job, body: `${job.body}.` }, [0, 10])).toBeUndefined();
        return [job];
      }),
    ],
    ['a body came that nobody put', story((_story, job) => [job, { ...job, body: bodyOf(SEED, 99) }])],
    [
      'a job had two holders at once',
      story((story, job) => {
        const first = story.held(job, [0, 10]);
        const second = story.deliver(job, [20, 30]);
        expect(second?.inDoubt.map(({ reservation }) => reservation)).toEqual([first.reservation]);
        story.touch(first, [40, 50], DONE);
        return [job];
      }),
    ],
    [
      'a job had two holders at once',
      story((story, job) => {
        const [first, second] = [story.held(job, [100, 110]), story.held(job, [0, 200])];
        story.settle(first, 'release 0', [300, 310], DONE);
        story.touch(second, [300, 310], DONE);
        return [job];
      }),
    ],
    [
      'a job was deleted under its next holder',
      story((story, job) => {
        const first = story.held(job, [0, 10]);
        story.ledger.settling(first, 'delete', 20);
        story.held(job, [30, 40]);
        story.ledger.settled(first, 'delete', DONE, { sentAt: 20, toldAt: 50, life: 1 });
        return [];
      }),
    ],
    [
      'settled after expiresAt',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'release 0', [1_100, 1_110], DONE);
        return [job];
      }),
    ],
    [
      'settled after expiresAt',
      story((story, job) => {
        const held = story.held(job, [0, 10]);
        story.touch(held, [500, 510], DONE, 1_500);
        story.settle(held, 'bury', [900, 910], NONE);
        story.settle(held, 'bury', [1_600, 1_610], DONE);
        return [job];
      }),
    ],
    [
      'settled after it was announced as ended',
      story((story, job) => {
        const held = story.held(job, [0, 10]);
        story.touch(held, [20, 30], over('connection-lost'));
        story.touch(held, [40, 50], DONE, 1_040);
        return [job];
      }),
    ],
    [
      'one reservation ended in two ways',
      story((story, job) => {
        const held = story.held(job, [0, 10]);
        story.settle(held, 'release 0', [20, 30], DONE);
        story.settle(held, 'release 1', [20, 30], DONE);
        return [job];
      }),
    ],
    [
      'expired before expiresAt',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'delete', [500, 510], over('expired'));
        return [job];
      }),
    ],
    [
      'ended by nobody',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'delete', [20, 30], over('released'));
        return [job];
      }),
    ],
    [
      'a reservation was forgotten',
      story((story, job) => {
        story.settle(story.held(job, [0, 10]), 'delete', [20, 30], over('not found'));
        return [job];
      }),
    ],
  ])('%s', (promise, told) => {
    expect(told()).toEqual([promise]);
  });
});
