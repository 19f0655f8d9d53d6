import type { Server, ServerOptions } from 'node:https';
import { watchFiles } from './access/file-watch.ts';
import { Handshakes } from './tls-handshakes.ts';
import { readTls, type TlsFiles, type TlsMaterial, tlsDoubts, tlsOptions } from './tls-material.ts';

/** Certificate and key are replaced one after the other, and do not fit in between. */
const REPLACING_MS = 3_000;
const RETRY_MS = 250;

interface TlsLog {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** The certificate, key and client CA of servers, kept as the files have them. */
export class Tls {
  readonly #files: TlsFiles;
  readonly #log: TlsLog;
  readonly #servers = new Set<Server>();
  readonly #handshakes: Handshakes;
  readonly #unwatch: () => void;
  #material: TlsMaterial;
  #retry: NodeJS.Timeout | undefined;
  /** The log says so, and will have to say when it is over. */
  #isBad = false;

  private constructor(files: TlsFiles, log: TlsLog) {
    this.#files = files;
    this.#log = log;
    this.#material = readTls(files);
    this.#warn();
    this.#handshakes = new Handshakes((reason) => log.debug(`TLS handshake failed (${reason})`));
    const { certFile, keyFile, clientCaFile } = files;
    const paths = clientCaFile === undefined ? [certFile, keyFile] : [certFile, keyFile, clientCaFile];
    this.#unwatch = watchFiles(paths, () => this.reload());
  }

  /** Reads the files and watches them. Throws an Error whose message is one line that names the setting. */
  static open(files: TlsFiles, log: TlsLog): Tls {
    return new Tls(files, log);
  }

  /** For `https.createServer`: what the files held when they were last good. */
  get options(): ServerOptions {
    return tlsOptions(this.#material);
  }

  /** Keeps a server up to date that was made with {@link options}, and closes who does not shake hands with it. */
  attach(server: Server): void {
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    this.#handshakes.watch(server);
  }

  /**
   * Looks at the files again. Connections that come from now on get what is new and good; no other is touched.
   * What is still bad after a few seconds is a line in the log, and the old stays in use.
   */
  reload(): void {
    // One that is being tried again will see what is new.
    if (this.#retry === undefined) this.#load(performance.now() + REPLACING_MS);
  }

  /** Stops watching, and cuts who has not shaken hands: a server that closes would wait for them. So close this first. */
  close(): void {
    this.#unwatch();
    clearTimeout(this.#retry);
    this.#handshakes.end();
  }

  #load(deadline: number): void {
    this.#retry = undefined;
    let material: TlsMaterial;
    try {
      material = readTls(this.#files);
    } catch (error) {
      if (performance.now() < deadline) {
        this.#retry = setTimeout(() => this.#load(deadline), RETRY_MS).unref();
      } else {
        this.#isBad = true;
        const reason = error instanceof Error ? error.message : String(error);
        this.#log.error(`${reason}; the old one stays in use`);
      }
      return;
    }
    if (!this.#isBad && same(material, this.#material)) return;
    this.#isBad = false;
    this.#material = material;
    for (const server of this.#servers) server.setSecureContext(this.options);
    this.#log.info('TLS: the new certificates are in use');
    this.#warn();
  }

  #warn(): void {
    for (const doubt of tlsDoubts(this.#material)) this.#log.warn(doubt);
  }
}

function same(a: TlsMaterial, b: TlsMaterial): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key) && (a.ca === undefined || b.ca?.equals(a.ca) === true);
}
