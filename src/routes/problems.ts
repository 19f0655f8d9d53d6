import { Type } from 'typebox';
import { preferred, varyByAccept } from './accept.ts';
import { readNothing } from './bodies.ts';
import type { App } from './context.ts';
import { JSON_FORM } from './forms.ts';
import { json, operation, parameters } from './operation.ts';
import { Problem } from './problem.ts';
import { isProblemName, PROBLEMS, type ProblemName } from './problem-table.ts';
import { type ProblemDescription, ProblemDescriptionSchema } from './schemas/problem.ts';
import { ref } from './schemas/reference.ts';

const describe = (name: ProblemName): ProblemDescription => ({ name, ...PROBLEMS[name] });

const getProblem = operation({
  operationId: 'getProblem',
  tag: 'operate',
  need: 'any key',
  summary: 'What a problem means',
  description:
    'The `type` of every error leads here: what it means, and what to do about it. A page for a browser.',
  params: parameters({
    name: Type.String({ description: 'The last part of the `type`.', examples: ['reservation-ended'] }),
  }),
  answers: {
    200: {
      description: 'What it means.',
      content: {
        ...json(ref(ProblemDescriptionSchema), describe('reservation-ended')),
        'text/html': {
          schema: Type.String(),
          example: '<!doctype html><title>The reservation has ended</title>',
        },
      },
    },
  },
  problems: ['invalid-request', 'route-not-found'],
});

/** What each problem means, for people and programs. */
export async function problemRoutes(app: App): Promise<void> {
  readNothing(app);
  app.get('/problems/:name', getProblem, async (request, reply) => {
    const { name } = request.params;
    if (!isProblemName(name)) throw new Problem('route-not-found', 'there is no problem of this name');
    varyByAccept(reply);
    const form = preferred(request.headers.accept, [JSON_FORM, 'text/html']);
    if (form === 'text/html') return reply.type('text/html; charset=utf-8').send(page(describe(name)));
    return reply.type('application/json; charset=utf-8').send(describe(name));
  });
}

/** The texts are the table's own: nothing in them needs escaping. Without an icon of its own a browser asks for one. */
const page = ({ name, status, title, meaning, action }: ProblemDescription) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>
<h1>${title}</h1>
<p><code>${name}</code>, status ${status}</p>
<p>${withCode(meaning)}</p>
<h2>What to do</h2>
<p>${withCode(action)}</p>
<p><a href="/docs">API reference</a></p>
</html>
`;

/** The table marks code as Markdown does. */
const withCode = (text: string) => text.replace(/`([^`]+)`/g, '<code>$1</code>');
