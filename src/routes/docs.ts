import swaggerUi from '@fastify/swagger-ui';
import type { App } from './context.ts';
import { asThePageReads } from './docs-document.ts';

/** The page says neither that a phone should not shrink it, nor that it can be dark. */
const FIT_IN_SCRIPT = `{
  const viewport = document.createElement('meta');
  viewport.name = 'viewport';
  viewport.content = 'width=device-width';
  document.head.append(viewport);

  const dark = matchMedia('(prefers-color-scheme: dark)');
  const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
  dark.addEventListener('change', follow);
  follow();
}
`;

/** Links between operations, of which there are none, and the link to the document that only the page reads. */
const FIT_IN_STYLE = `.swagger-ui .response-col_links,
.swagger-ui .info .main a:has(.url) {
  display: none;
}
`;

/** The API reference as a page; its assets come with it. */
export async function docsRoutes(app: App): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: {
      title: 'beanstalkd-gateway',
      js: [{ filename: 'fit-in.js', content: FIT_IN_SCRIPT }],
      css: [{ filename: 'fit-in.css', content: FIT_IN_STYLE }],
    },
    // Without the bar on top, which would load other documents.
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', deepLinking: true },
    transformSpecification: asThePageReads,
  });
}
