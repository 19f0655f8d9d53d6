import { execFile } from 'node:child_process';
import { connect } from 'node:net';
import { promisify } from 'node:util';

/** One command on a connection of its own, and the first that comes back. */
export function talk(path: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path }, () => socket.write(`${command}\r\n`));
    socket.setTimeout(5000, () => socket.destroy(new Error('no answer')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed without an answer')));
    socket.on('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
  });
}

/** The process id of the beanstalkd behind a socket. */
export async function pidBehind(path: string): Promise<number> {
  return Number(/^pid: (\d+)$/m.exec(await talk(path, 'stats'))?.[1]);
}

export interface Row {
  readonly pid: number;
  readonly group: number;
  readonly args: string;
}

/** The processes whose command line mentions a text, without the dead that nobody has buried. */
export async function processes(text: string): Promise<Row[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,pgid=,stat=,args=']);
  const rows: Row[] = [];
  for (const line of stdout.split('\n')) {
    const [, pid, group, stat, args] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (stat === undefined || args === undefined || stat.startsWith('Z') || !args.includes(text)) continue;
    rows.push({ pid: Number(pid), group: Number(group), args });
  }
  return rows;
}
