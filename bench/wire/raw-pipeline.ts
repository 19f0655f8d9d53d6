import { RawSocket } from './raw-socket.ts';

/** What is done with each reply; nothing where only their number counts. */
type Look = (bytes: Buffer, at: number, body: number, end: number) => void;

interface Window {
  left: number;
  readonly look: Look;
  readonly answered: () => void;
}

/** A raw socket on which several windows of commands may be under way. */
export class RawPipeline {
  readonly #socket: RawSocket;
  readonly #windows: Window[] = [];

  private constructor(socket: RawSocket) {
    this.#socket = socket;
    socket.take = (bytes, at, body, end) => {
      const [window] = this.#windows;
      if (window === undefined) throw new Error('a reply to nothing');
      window.look(bytes, at, body, end);
      window.left -= 1;
      if (window.left > 0) return;
      this.#windows.shift();
      window.answered();
    };
  }

  static async dial(port: number): Promise<RawPipeline> {
    return new RawPipeline(await RawSocket.dial(port));
  }

  /** Writes commands in one piece, and resolves when each has been answered. */
  exchange(commands: Buffer | string, count: number, look: Look): Promise<void> {
    return new Promise((resolve) => {
      this.#windows.push({ left: count, look, answered: resolve });
      this.#socket.write(commands);
    });
  }

  /** One command, and its reply as text. */
  async ask(command: string): Promise<string> {
    let reply = '';
    await this.exchange(`${command}\r\n`, 1, (bytes, at, _body, end) => {
      reply = bytes.toString('latin1', at, end);
    });
    return reply;
  }

  close(): void {
    this.#socket.close();
  }
}
