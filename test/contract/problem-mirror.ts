import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { at } from '../routes/contract.ts';

/**
 * Answers a put into the tube `overloaded` with the problem `overloaded`, and so on: every problem that the document
 * announces for putJob, as its example there, for most of which no real server could be made to fail in time.
 */
export class ProblemMirror {
  readonly url: string;
  readonly problems: readonly string[];
  readonly #server: Server;

  private constructor(server: Server, problems: readonly string[]) {
    this.#server = server;
    this.problems = problems;
    this.url = `http://127.0.0.1:${at(server.address(), 'port')}`;
  }

  static async open(document: unknown): Promise<ProblemMirror> {
    const examples = examplesOf(document);
    const server = createServer((request, response) => {
      const problem = examples.get(
        /^\/v1\/tubes\/([a-z-]+)\/jobs(?:\?|$)/.exec(request.url ?? '')?.[1] ?? '',
      );
      request.resume().on('end', () => {
        response.writeHead(Number(at(problem, 'status') ?? 404), {
          'content-type': 'application/problem+json; charset=utf-8',
        });
        response.end(JSON.stringify(problem ?? {}));
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new ProblemMirror(server, [...examples.keys()]);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** By the name of the problem. References within the document are followed. */
function examplesOf(document: unknown): ReadonlyMap<string, unknown> {
  const found = new Map<string, unknown>();
  const follow = (value: unknown): unknown => {
    const reference = at(value, '$ref');
    return typeof reference === 'string' ? at(document, ...reference.split('/').slice(1)) : value;
  };
  const responses = at(document, 'paths', '/v1/tubes/{tube}/jobs', 'post', 'responses');
  for (const response of Object.values(Object(responses))) {
    const examples = at(follow(response), 'content', 'application/problem+json', 'examples');
    for (const example of Object.values(Object(examples))) {
      const problem = at(follow(example), 'value');
      found.set(String(at(problem, 'type')).replace('/problems/', ''), problem);
    }
  }
  return found;
}
