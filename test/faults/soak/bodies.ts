/** The body of a job tells which one it is; its length differs from job to job. */
export function bodyOf(seed: number, job: number): string {
  const length = job % 200 === 0 ? 60_000 : (job * 37) % 500;
  return `${seed}-${job}-${'.'.repeat(length)}`;
}

/** Which job this is; undefined for any body that is not, to the last byte, one of this seed. */
export function jobIn(seed: number, body: string): number | undefined {
  const job = Number(/^\d+-(\d+)-/.exec(body)?.[1]);
  return body === bodyOf(seed, job) ? job : undefined;
}
