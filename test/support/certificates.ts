import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** A certificate and its key, as paths. */
export interface Certified {
  readonly certFile: string;
  readonly keyFile: string;
}

// Elliptic curves: a key of RSA takes a second to make.
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A certificate authority that openssl makes for a test, all its files in one folder. */
export class Authority implements Certified {
  readonly certFile: string;
  readonly keyFile: string;
  readonly #folder: string;

  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.certFile = join(folder, `${name}.crt`);
    this.keyFile = join(folder, `${name}.key`);
    const files = ['-keyout', this.keyFile, '-out', this.certFile];
    openssl(['req', '-x509', ...NEW_KEY, ...files, '-days', '1', '-subj', `/CN=${name}`]);
  }

  /** A certificate for the loopback. With 0 days it has expired at once. */
  issue(name: string, purpose: 'serverAuth' | 'clientAuth', days = 1): Certified {
    const certFile = join(this.#folder, `${name}.crt`);
    const keyFile = join(this.#folder, `${name}.key`);
    const what = ['-subj', `/CN=${name}`, '-addext', `extendedKeyUsage=${purpose}`];
    const where = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const request = openssl(['req', '-new', ...NEW_KEY, '-keyout', keyFile, ...what, ...where]);
    const by = ['-CA', this.certFile, '-CAkey', this.keyFile, '-copy_extensions', 'copy'];
    openssl(['x509', '-req', ...by, '-days', String(days), '-out', certFile], request);
    return { certFile, keyFile };
  }
}

/** What it prints. It asks nobody for anything. */
export function openssl(args: readonly string[], input: string | Buffer = ''): Buffer {
  return execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'pipe'] });
}
