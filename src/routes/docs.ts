import swaggerUi from '@fastify/swagger-ui';
import type { App } from './context.ts';

/** The API reference as a page; its assets come with it. */
export async function docsRoutes(app: App): Promise<void> {
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'beanstalkd-gateway' },
    // Without the bar on top, which would load other documents.
    uiConfig: { layout: 'BaseLayout', docExpansion: 'list', deepLinking: true },
  });
}
