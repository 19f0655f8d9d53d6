import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OwnBeanstalkd, type OwnOptions } from '../../src/own/own-beanstalkd.ts';
import { OwnError } from '../../src/own/own-error.ts';
import { pidBehind, processes, talk } from './talk.ts';

const { PATH } = process.env;
const PATIENCE = { timeout: 10_000, interval: 10 };

let folder: string;
let running: OwnBeanstalkd[];
let logged: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'own-test-'));
  running = [];
  logged = [];
});

afterEach(async () => {
  await Promise.all(running.map((own) => own.stop()));
  const left = await processes(folder);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
  expect(left).toEqual([]);
});

async function start(options: Partial<OwnOptions> = {}, signal?: AbortSignal): Promise<OwnBeanstalkd> {
  const log = (message: string) => logged.push(message);
  const own = await OwnBeanstalkd.start(
    {
      dataDir: folder,
      maxJobSize: 65_535,
      path: PATH,
      log: { info: log, warn: log },
      ...options,
    },
    signal,
  );
  running.push(own);
  return own;
}

async function refusal(options: Partial<OwnOptions>): Promise<string> {
  const error = await start(options).then(
    () => new Error('started'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OwnError);
  const message = String(error);
  expect(message).not.toContain('\n');
  return message;
}

/** The three of a group: the shell that leads it, the watcher, and beanstalkd. */
async function group(own: OwnBeanstalkd): Promise<{ shell: number; watcher: number; beanstalkd: number }> {
  const beanstalkd = await pidBehind(own.socket);
  const rows = await processes(folder);
  const shell = rows.find(({ pid, group }) => pid === group)?.pid ?? 0;
  const watcher = rows.find(({ pid }) => pid !== shell && pid !== beanstalkd)?.pid ?? 0;
  expect(rows).toHaveLength(3);
  return { shell, watcher, beanstalkd };
}

describe('running', () => {
  test('it answers once it has started, for its owner alone, and is gone once it has stopped', async () => {
    const own = await start({ dataDir: join(folder, 'made', 'here') });
    expect(own.socket).toBe(join(folder, 'made', 'here', 'beanstalkd.sock'));
    expect(await talk(own.socket, 'list-tube-used')).toBe('USING default\r\n');
    expect(own.failure).toBeUndefined();
    for (const path of [dirname(own.socket), own.socket, join(dirname(own.socket), 'binlog')]) {
      expect(((await stat(path)).mode & 0o077).toString(8), path).toBe('0');
    }
    await own.stop();
    expect(await processes(folder)).toEqual([]);
    expect((await readdir(dirname(own.socket))).sort()).toEqual(['binlog', 'max-job-size']);
  });

  test('killed, it is started anew with its jobs, at the same place, and says why', async () => {
    const own = await start();
    expect(await talk(own.socket, 'put 7 0 60 5\r\nhello')).toBe('INSERTED 1\r\n');
    const before = await pidBehind(own.socket);
    process.kill(before, 'SIGKILL');
    await vi.waitFor(
      () => expect(own.failure).toBe('our own beanstalkd ended (killed by SIGKILL)'),
      PATIENCE,
    );
    await vi.waitFor(() => expect(own.failure).toBeUndefined(), PATIENCE);
    expect(await pidBehind(own.socket)).not.toBe(before);
    expect(await talk(own.socket, 'peek 1')).toBe('FOUND 1 5\r\nhello\r\n');
    expect(logged).toEqual([
      'our own beanstalkd ended (killed by SIGKILL); starting another',
      'our own beanstalkd is back',
    ]);
  });

  test.each(['shell', 'watcher'] as const)(
    'without its %s it is unsafe, and replaced by another',
    async (role) => {
      const own = await start();
      const before = await group(own);
      process.kill(before[role], 'SIGKILL');
      await vi.waitFor(async () => {
        const after = await group(own);
        expect(new Set([...Object.values(before), ...Object.values(after)]).size).toBe(6);
      }, PATIENCE);
    },
  );

  test('a stopped one (SIGSTOP) does not hold up the stop for long', async () => {
    const own = await start();
    process.kill(await pidBehind(own.socket), 'SIGSTOP');
    await own.stop();
    expect(await processes(folder)).toEqual([]);
  });

  test('stopped while it is down, it stays down', async () => {
    const own = await start();
    process.kill(await pidBehind(own.socket), 'SIGKILL');
    await vi.waitFor(() => expect(own.failure).toBeDefined(), PATIENCE);
    await own.stop();
    expect(await processes(folder)).toEqual([]);
  });

  test('while it cannot be started again, the reason is the last failure to', async () => {
    const own = await start();
    const binlog = join(folder, 'binlog');
    await rm(binlog, { recursive: true });
    process.kill(await pidBehind(own.socket), 'SIGKILL');
    await vi.waitFor(
      () => expect(own.failure).toMatch(/ does not start \(exit code 10: beanstalkd: .* DATA_DIR\/binlog\)$/),
      PATIENCE,
    );
    await mkdir(binlog);
    await vi.waitFor(() => expect(own.failure).toBeUndefined(), PATIENCE);
    expect(await talk(own.socket, 'list-tube-used')).toBe('USING default\r\n');
  });

  test('a folder too deep for a socket has it elsewhere', async () => {
    const dataDir = join(folder, 'd'.repeat(120));
    const own = await start({ dataDir });
    expect(await talk(own.socket, 'put 0 0 60 1\r\nx')).toBe('INSERTED 1\r\n');
    expect(await readdir(join(dataDir, 'binlog'))).toContain('binlog.1');
    expect((await stat(dirname(own.socket))).mode & 0o077).toBe(0);
    await own.stop();
    await expect(stat(dirname(own.socket))).rejects.toThrow('ENOENT');
  });

  test('started with less room than before, it loses no job', async () => {
    const own = await start({ maxJobSize: 200_000 });
    const body = 'x'.repeat(150_000);
    expect(await talk(own.socket, `put 0 0 60 ${body.length}\r\n${body}`)).toBe('INSERTED 1\r\n');
    await own.stop();
    const again = await start({ maxJobSize: 1000 });
    expect(await talk(again.socket, 'stats')).toContain('\nmax-job-size: 200000\n');
    expect(await talk(again.socket, 'stats-job 1')).toContain('state: ready');
  });
});

describe('not starting', () => {
  test('without the program', async () => {
    expect(await refusal({ path: folder })).toMatch(/beanstalkd is not on PATH: install it/);
  });

  test('where DATA_DIR is a file', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    expect(await refusal({ dataDir: file })).toMatch(/DATA_DIR: .*file cannot be made or written to/);
  });

  test('on a DATA_DIR in use, whose owner goes on untouched', async () => {
    const own = await start();
    const pid = await pidBehind(own.socket);
    expect(await refusal({})).toMatch(/DATA_DIR: another beanstalkd is running on /);
    expect(await pidBehind(own.socket)).toBe(pid);
    expect((await readdir(folder)).sort()).toEqual(['beanstalkd.sock', 'binlog', 'max-job-size']);
  });

  test('when it is told to stop meanwhile, with nothing left', async () => {
    const stop = new AbortController();
    const started = start({}, stop.signal);
    await vi.waitFor(async () => expect(await processes(folder)).not.toEqual([]), {
      ...PATIENCE,
      interval: 1,
    });
    stop.abort();
    // The abort may come just too late; then the caller has one to stop.
    await started.then(
      (own) => own.stop(),
      () => {},
    );
    expect(await processes(folder)).toEqual([]);
  });
});

describe('its parent', () => {
  let parent: ChildProcess;

  async function startParent(): Promise<{ socket: string; pid: number }> {
    const script = join(import.meta.dirname, 'parent.ts');
    // Detached, so that the parent leads a group that can be sent a signal as a terminal would.
    parent = spawn(process.execPath, ['--import', 'tsx', script, folder], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const socket = await nextLine();
    return { socket, pid: await pidBehind(socket) };
  }

  async function nextLine(): Promise<string> {
    if (parent.stdout === null) throw new Error('no stdout');
    const lines = createInterface({ input: parent.stdout });
    const [line] = await once(lines, 'line');
    lines.close();
    return String(line);
  }

  afterEach(async () => {
    parent.kill('SIGKILL');
    // What the test started for itself is stopped first; the rest goes by itself, a moment after its parent.
    await Promise.all(running.map((own) => own.stop()));
    await vi.waitFor(async () => expect(await processes(folder)).toEqual([]), PATIENCE);
  });

  test('takes it along when it is killed', async () => {
    await startParent();
    parent.kill('SIGKILL');
    await vi.waitFor(async () => expect(await processes(folder)).toEqual([]), PATIENCE);
  });

  test('takes it along even when it is stopped (SIGSTOP)', async () => {
    const { pid } = await startParent();
    process.kill(pid, 'SIGSTOP');
    parent.kill('SIGKILL');
    await vi.waitFor(async () => expect(await processes(folder)).toEqual([]), PATIENCE);
  });

  test('is followed at once by another on the same DATA_DIR, which finds the jobs', async () => {
    const { socket } = await startParent();
    await talk(socket, 'put 0 0 60 1\r\nx');
    parent.kill('SIGKILL');
    const own = await start();
    expect(await talk(own.socket, 'peek 1')).toBe('FOUND 1 1\r\nx\r\n');
  });

  test('gets a Ctrl-C that it does not', async () => {
    const { socket, pid } = await startParent();
    if (parent.pid === undefined) throw new Error('not started');
    const line = nextLine();
    process.kill(-parent.pid, 'SIGINT');
    expect(await line).toBe('SIGINT');
    expect(await pidBehind(socket)).toBe(pid);
    expect((await processes(folder)).filter(({ group }) => group === parent.pid)).toHaveLength(1);
  });
});
