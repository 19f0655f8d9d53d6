import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort, poll } from '../test/support/beanstalkd.ts';
import type { Lab, Server } from './lab.ts';
import { MEASURED, THE_REST } from './pinned.ts';

/** As Debian has it. */
const CONFIGURATION = '/etc/webdis/webdis.json';

/** An HTTP gateway to Redis, written in C: on the measured core, its Redis on the other one. */
export async function startWebdis(lab: Lab): Promise<Server> {
  const redisPort = await freePort();
  const port = await freePort();
  const persistNothing = ['--save', '', '--appendonly', 'no', '--dir', lab.folder];
  const options = ['--bind', '127.0.0.1', '--port', String(redisPort), ...persistNothing];
  const redis = lab.start(THE_REST, ['redis-server', ...options]);
  await untilAccepting(redisPort);

  const configuration = join(lab.folder, 'webdis.json');
  await writeFile(
    configuration,
    JSON.stringify({
      ...JSON.parse(await readFile(CONFIGURATION, 'utf8')),
      daemonize: false,
      pidfile: join(lab.folder, 'webdis.pid'),
      logfile: join(lab.folder, 'webdis.log'),
      redis_port: redisPort,
      http_port: port,
    }),
  );
  const webdis = lab.start(MEASURED, ['webdis', configuration]);
  await untilAccepting(port);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    pid: webdis.pid,
    stop: async () => {
      await webdis.stop();
      await redis.stop();
    },
  };
}

const untilAccepting = (port: number) =>
  poll(`port ${port} accepts`, async () => {
    const socket = connect(port, '127.0.0.1');
    const accepted = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    return accepted;
  });
