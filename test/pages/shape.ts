/** What differs from one run to the next, and what stands for it. All else must be equal to the letter. */
const DIFFERS: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{32}\b/g, '<reservation>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g, '<time>'],
  [/("requestId": ?)"[^"]+"/g, '$1"<request>"'],
  [/("(?:age|timeLeft)": ?)\d+/g, '$1<seconds>'],
];

/** The same for what was printed and for what the page says. */
export const shapeOf = (output: string): string =>
  DIFFERS.reduce((text, [what, name]) => text.replace(what, name), output).trimEnd();
