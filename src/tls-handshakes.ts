import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';

/** Connections that are not through their TLS handshake: HTTP does not know them yet, and cannot close them. */
export class Handshakes {
  readonly #tell: (failure: string) => void;
  /** By address and port: Node has no other word for which of these a TLS socket came from. */
  readonly #underWay = new Map<string, Socket>();
  #isOver = false;

  /** `tell` hears why handshakes fail, each of them. */
  constructor(tell: (failure: string) => void) {
    this.#tell = tell;
  }

  /** Closes those of this server that fail, and takes care of the others until they are through. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => this.#begin(socket));
    server.on('secureConnection', (socket) => this.#underWay.delete(peerOf(socket)));
    // 'clientError' hears of it too, but what is written there waits for the end of the handshake.
    server.on('tlsClientError', (error, socket) => {
      socket.destroy();
      this.#tell(reasonOf(error, socket));
    });
  }

  /** Cuts all that are under way, and from now on all that come. */
  end(): void {
    this.#isOver = true;
    for (const socket of this.#underWay.values()) socket.destroy();
  }

  #begin(socket: Socket): void {
    if (this.#isOver) {
      socket.destroy();
      return;
    }
    const peer = peerOf(socket);
    this.#underWay.set(peer, socket);
    socket.once('close', () => this.#underWay.delete(peer));
  }
}

const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/** For a caller's certificate that was refused, the error says only that the socket was closed. */
function reasonOf(error: Error, { authorizationError }: TLSSocket): string {
  return String(authorizationError ?? ('code' in error ? error.code : error.message));
}
