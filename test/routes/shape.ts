/** Which members something parsed has, and of which types; of a list, which kinds of items, in whatever number and order. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) {
    const shapes = value.map(shapeOf).map((shape) => [JSON.stringify(shape), shape] as const);
    return [...new Map(shapes.sort(([one], [other]) => (one < other ? -1 : 1))).values()];
  }
  if (typeof value !== 'object' || value === null) return typeof value;
  const members = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, shapeOf(member)]));
}
