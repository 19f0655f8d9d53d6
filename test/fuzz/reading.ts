import type { ApiDocument, Operation } from './document.ts';

/** What a method and a target mean by the document and RFC 3986, read without a line of the gateway's own. */
export interface Reading {
  /** Whether the percent-encoding of the path is sound. */
  readonly sound: boolean;
  /** Of the document; undefined where it has none like that. */
  readonly path: string | undefined;
  /** Undefined where the path has none for this method. */
  readonly operation: Operation | undefined;
  readonly inPath: ReadonlyMap<string, string>;
  readonly inQuery: readonly (readonly [name: string, text: string])[];
}

export function read({ paths, operations }: ApiDocument, method: string, target: string): Reading {
  const [, rawPath = '', rawQuery = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)[?#]?(.*)$/s.exec(target) ?? [];
  const segments = rawPath.split('/').map(decoded);
  // The one without parameters first: `/v1/reservations/batch`.
  const [path] = paths
    .filter((each) => fits(each, segments))
    .sort((one, other) => one.split('{').length - other.split('{').length);
  const asked = method === 'HEAD' ? 'GET' : method;
  return {
    sound: segments.every((segment) => segment !== undefined),
    path,
    operation: operations.find((each) => each.path === path && each.method === asked),
    inPath: path === undefined ? new Map() : parametersIn(path, segments),
    // A `?` in front would be taken for that of the URL.
    inQuery: [...new URLSearchParams(`&${rawQuery}`)],
  };
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}

function fits(path: string, segments: readonly (string | undefined)[]): boolean {
  const parts = path.split('/');
  return (
    parts.length === segments.length && parts.every((part, n) => part.startsWith('{') || part === segments[n])
  );
}

function parametersIn(path: string, segments: readonly (string | undefined)[]): Map<string, string> {
  const parts = path.split('/');
  return new Map(
    parts.flatMap((part, n) =>
      part.startsWith('{') ? [[part.slice(1, -1), segments[n] ?? ''] as const] : [],
    ),
  );
}
