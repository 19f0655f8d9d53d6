import type { Socket } from 'node:net';
import { LOOPBACK, type Place } from './place.ts';

/** beanstalkd's protocol by hand, sharing no line with the client under test. One command at a time. */
export class RawConnection {
  readonly #socket: Socket;
  #buffer = Buffer.alloc(0);
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#wake();
    });
    socket.on('close', () => this.#wake());
  }

  static async open(port: number, { dial }: Pick<Place, 'dial'> = LOOPBACK): Promise<RawConnection> {
    return new RawConnection(await dial(port));
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends a line and resolves with the reply's line. */
  async command(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.line();
  }

  async line(): Promise<string> {
    let end = this.#buffer.indexOf('\r\n');
    while (end === -1) {
      await this.#more();
      end = this.#buffer.indexOf('\r\n');
    }
    const line = this.#buffer.toString('latin1', 0, end);
    this.#buffer = this.#buffer.subarray(end + 2);
    return line;
  }

  async bytes(length: number): Promise<Buffer> {
    while (this.#buffer.length < length + 2) await this.#more();
    const bytes = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length + 2);
    return bytes;
  }

  /** The id of the new job. */
  async put(
    tube: string,
    body: string | Buffer,
    { priority = 1024, delay = 0, ttr = 60 } = {},
  ): Promise<string> {
    await this.command(`use ${tube}`);
    const bytes = Buffer.from(body);
    this.write(
      Buffer.concat([
        Buffer.from(`put ${priority} ${delay} ${ttr} ${bytes.length}\r\n`),
        bytes,
        Buffer.from('\r\n'),
      ]),
    );
    const reply = await this.line();
    const id = /^INSERTED (\d+)$/.exec(reply)?.[1];
    if (id === undefined) throw new Error(reply);
    return id;
  }

  /** Undefined when there is no job. */
  async reserve(tube: string, seconds = 0): Promise<{ id: string; body: Buffer } | undefined> {
    await this.command(`watch ${tube}`);
    if (tube !== 'default') await this.command('ignore default');
    const reply = await this.command(`reserve-with-timeout ${seconds}`);
    const [word, id = '', length = ''] = reply.split(' ');
    return word === 'RESERVED' ? { id, body: await this.bytes(Number(length)) } : undefined;
  }

  /** Takes and deletes all jobs of a tube; their bodies. */
  async takeAll(tube: string): Promise<Buffer[]> {
    const bodies: Buffer[] = [];
    for (let job = await this.reserve(tube); job !== undefined; job = await this.reserve(tube)) {
      bodies.push(job.body);
      await this.command(`delete ${job.id}`);
    }
    return bodies;
  }

  /** Statistics as they stand, or undefined for NOT_FOUND. */
  async stats(command: string): Promise<Record<string, string> | undefined> {
    const [word, length] = (await this.command(command)).split(' ');
    if (word !== 'OK') return undefined;
    const yaml = (await this.bytes(Number(length))).toString('latin1');
    const entries = yaml.split('\n').flatMap((line) => {
      const colon = line.indexOf(': ');
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 2)] as const] : [];
    });
    return Object.fromEntries(entries);
  }

  /** Undefined when there is no such job. */
  async stateOf(id: string): Promise<string | undefined> {
    return (await this.stats(`stats-job ${id}`))?.['state'];
  }

  async list(command: string): Promise<string[]> {
    const length = (await this.command(command)).split(' ')[1];
    const yaml = (await this.bytes(Number(length))).toString('latin1');
    return yaml.split('\n').flatMap((line) => (line.startsWith('- ') ? [line.slice(2)] : []));
  }

  close(): void {
    this.#socket.destroy();
  }

  async #more(): Promise<void> {
    if (this.#socket.destroyed) throw new Error('beanstalkd closed the connection');
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}
