const ANY_MS = 1000;
const SAME_MS = 60_000;

/**
 * Passes on at most one line a second, and the same again at most once a minute: a beanstalkd out of
 * descriptors writes 75 MB of them in seconds.
 */
export function seldom(pass: (line: string) => void): (line: string) => void {
  let last = '';
  let at = Number.NEGATIVE_INFINITY;
  return (line) => {
    const now = performance.now();
    if (now - at < (line === last ? SAME_MS : ANY_MS)) return;
    last = line;
    at = now;
    pass(line);
  };
}
