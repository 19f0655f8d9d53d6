import { Type } from 'typebox';
import { preferred, varyByAccept } from './accept.ts';
import { readNothing } from './bodies.ts';
import type { App, Context } from './context.ts';
import { JSON_FORM } from './forms.ts';
import { json, operation } from './operation.ts';
import { ref } from './schemas/reference.ts';
import { type Welcome, WelcomeSchema } from './schemas/server.ts';

const welcome = (version: string): Welcome => ({
  name: 'beanstalkd-gateway',
  version,
  links: {
    docs: '/docs',
    openapi: '/openapi.json',
    tubes: '/v1/tubes',
    server: '/v1/server',
    ready: '/readyz',
    metrics: '/metrics',
  },
});

const getWelcome = operation({
  operationId: 'getWelcome',
  tag: 'operate',
  need: 'any key',
  summary: 'What this is',
  description: "Name, version and links; a person's browser is sent to the API reference instead.",
  answers: {
    200: { description: 'What this is.', content: json(ref(WelcomeSchema), welcome('0.1.0')) },
    302: {
      description: 'For a browser: the API reference.',
      headers: {
        Location: Type.String({ description: 'The path of the API reference.', examples: ['/docs'] }),
      },
    },
  },
  problems: ['invalid-request'],
});

/** The first thing that somebody looks at. */
export async function welcomeRoutes(app: App, { version }: Context): Promise<void> {
  readNothing(app);
  const answer = welcome(version);
  app.get('/', getWelcome, async (request, reply) => {
    varyByAccept(reply);
    if (preferred(request.headers.accept, [JSON_FORM, 'text/html']) === 'text/html')
      return reply.redirect('/docs');
    return answer;
  });
}
