/*
 * Only what passes here becomes part of a command line: a malformed `put` line makes beanstalkd run the
 * body as commands, and a bare CR in a line leaves it without an answer (BEANSTALKD.md, facts 8 and 9).
 */

const TUBE = /^[A-Za-z0-9+/;.$_()][A-Za-z0-9\-+/;.$_()]{0,199}$/;
const ID = /^(0|[1-9][0-9]{0,19})$/;
const UINT64_MAX = '18446744073709551615';
const UINT32_MAX = 4_294_967_295;
/** The largest wait that all versions read alike (BEANSTALKD.md, fact 10). */
const WAIT_MAX = 2_147_483_647;

export const isTube = (name: string): boolean => TUBE.test(name);

export const isJobId = (id: string): boolean =>
  ID.test(id) && (id.length < UINT64_MAX.length || id <= UINT64_MAX);

export function tube(name: string): string {
  if (!isTube(name)) throw new RangeError(`no name of a tube: ${JSON.stringify(name)}`);
  return name;
}

/** The tubes of a reserve: at least one, since the last that is watched cannot be ignored. */
export function tubes(names: readonly string[]): readonly string[] {
  if (names.length === 0) throw new RangeError('no tube to reserve from');
  for (const name of names) tube(name);
  return names;
}

export function jobId(id: string): string {
  if (!isJobId(id)) throw new RangeError(`no id of a job: ${JSON.stringify(id)}`);
  return id;
}

/** Priority, delay, TTR, bound, pause: unsigned 32 bits, seconds where it is a time. */
export function uint32(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > UINT32_MAX)
    throw new RangeError(`no uint32: ${value}`);
  return value;
}

/** Whole seconds of a wait. */
export function waitSeconds(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > WAIT_MAX) throw new RangeError(`no wait: ${value}`);
  return value;
}
