import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { OwnError } from './own-error.ts';

/** Linux takes 107 bytes of socket path, macOS 103; what a starting beanstalkd adds to the name counts too. */
const SOCKET_PATH_MAX = 90;

/** The places that a beanstalkd of our own lives in, all absolute. */
export interface DataDir {
  readonly root: string;
  readonly binlog: string;
  /** Where callers connect. */
  readonly socket: string;
  /** A folder made for the socket of this run alone, to be removed behind it. */
  readonly temporary: string | undefined;
}

/** Makes DATA_DIR and the binlog folder, for nobody else's eyes; throws an OwnError when it cannot. */
export async function openDataDir(path: string): Promise<DataDir> {
  const root = resolve(path);
  const binlog = join(root, 'binlog');
  try {
    await mkdir(binlog, { recursive: true, mode: 0o700 });
    await access(root, constants.W_OK | constants.X_OK);
    await access(binlog, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new OwnError(`DATA_DIR: ${root} cannot be made or written to (${reason})`, { cause });
  }
  const socket = join(root, 'beanstalkd.sock');
  if (Buffer.byteLength(socket) <= SOCKET_PATH_MAX) return { root, binlog, socket, temporary: undefined };
  const temporary = await mkdtemp(join(tmpdir(), 'beanstalkd-gateway-'));
  return { root, binlog, socket: join(temporary, 'beanstalkd.sock'), temporary };
}

/** Removes the sockets of starts that came to nothing. Only for whoever holds the binlog's lock. */
export async function removeStaleSockets(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/^beanstalkd\.sock\.[0-9a-f]+$/.test(name)) await rm(join(folder, name), { force: true });
  }
}
