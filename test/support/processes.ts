import { onTestFinished } from 'vitest';
import { GatewayProcess } from './gateway-process.ts';

/** Killed when the test is over. */
export function startProcess(...how: ConstructorParameters<typeof GatewayProcess>): GatewayProcess {
  const gateway = new GatewayProcess(...how);
  onTestFinished(() => gateway.signal('SIGKILL'));
  return gateway;
}

/** Killed when the test is over. Resolves when it listens. */
export async function startListening(
  ...how: ConstructorParameters<typeof GatewayProcess>
): Promise<GatewayProcess> {
  const gateway = startProcess(...how);
  await gateway.untilListening();
  return gateway;
}
