import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import type { Place } from '../support/place.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** Milliseconds from the call to its last byte. */
  readonly took: number;
}

export interface Sent {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** One call on a connection of its own, from that place. */
export async function call(
  from: Pick<Place, 'dial'>,
  url: string,
  method: string,
  path: string,
  { headers = {}, body }: Sent = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  const socket = await from.dial(Number(port), hostname);
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const options = { method, path, headers: { host: hostname, ...headers }, createConnection: () => socket };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          bytes: Buffer.concat(chunks),
          took: performance.now() - startedAt,
        }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
