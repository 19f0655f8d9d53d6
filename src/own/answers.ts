import { connect } from 'node:net';

/** Whether a beanstalkd behind this UNIX socket answers a command; false when it is not there or `signal` aborts. */
export function answers(path: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, signal });
    const end = (answered: boolean) => {
      socket.destroy();
      resolve(answered);
    };
    // Connecting proves nothing: it listens before it has locked and read its binlog.
    socket.on('connect', () => socket.write('list-tube-used\r\n'));
    socket.on('data', () => end(true));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
  });
}
