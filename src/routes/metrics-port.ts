import type { App, Context } from './context.ts';
import { type Measured, metricsRoutes } from './metrics.ts';

const CLOSE_MAX_MS = 1_000;

export interface MetricsPort {
  readonly host: string;
  readonly port: number;
}

interface Figures {
  readonly context: Context;
  readonly measured: Measured;
  readonly at: MetricsPort;
}

/**
 * Serves the figures by an app of their own for as long as the other is served, without a key: for a network that only
 * Prometheus reaches.
 */
export function serveMetricsApart(app: App, apart: App, { context, measured, at }: Figures): void {
  const { host, port } = at;
  apart.register((scope) => metricsRoutes(scope, context, measured));
  app.addHook('onReady', async () => {
    try {
      await apart.listen({ host, port, listenTextResolver: (url) => `/metrics on ${url}` });
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
      throw new Error(`METRICS_PORT: cannot listen on ${host} ${port} (${code})`, { cause });
    }
  });
  app.addHook('onClose', async () => {
    // Whoever has sent nothing yet, or half of a head, is no idle connection to Node, and would hold up the stop.
    const timer = setTimeout(() => apart.server.closeAllConnections(), CLOSE_MAX_MS);
    await apart.close();
    clearTimeout(timer);
  });
}
