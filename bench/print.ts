/** The one line that a program of programs/ prints, and its end, whatever connections are open. */
export function print(result: unknown): void {
  process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
}

/** A figure of that line. */
export function printed(result: unknown, name: string): number {
  const value: unknown =
    typeof result === 'object' && result !== null ? Reflect.get(result, name) : undefined;
  if (typeof value !== 'number') throw new Error(`no ${name} in ${JSON.stringify(result)}`);
  return value;
}
