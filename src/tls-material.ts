import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { createSecureContext } from 'node:tls';
import { quote } from './setting-kinds.ts';

/** Node's 120 s would keep a caller that never shakes hands for as long. */
const HANDSHAKE_TIMEOUT_MS = 15_000;

/** The files behind TLS_CERT_FILE, TLS_KEY_FILE and TLS_CLIENT_CA_FILE, in PEM. */
export interface TlsFiles {
  /** The certificate, and behind it the chain that leads to its authority. */
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities of which a caller must have a certificate; without it anybody may call. */
  readonly clientCaFile?: string | undefined;
}

/** What was in the files, checked. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
}

/** Reads and checks the files. Throws an Error whose message is one line that names the setting. */
export function readTls({ certFile, keyFile, clientCaFile }: TlsFiles): TlsMaterial {
  const cert = read('TLS_CERT_FILE', certFile);
  const key = read('TLS_KEY_FILE', keyFile);
  const [own] = certificatesIn('TLS_CERT_FILE', cert);
  if (own?.checkPrivateKey(privateKeyIn('TLS_KEY_FILE', key)) !== true) {
    throw new Error('TLS_KEY_FILE: the key does not fit the first certificate in TLS_CERT_FILE');
  }
  use('TLS_CERT_FILE', { cert, key });
  if (clientCaFile === undefined) return { cert, key };
  const ca = read('TLS_CLIENT_CA_FILE', clientCaFile);
  // Node takes a file without certificates for a list of none.
  certificatesIn('TLS_CLIENT_CA_FILE', ca);
  use('TLS_CLIENT_CA_FILE', { cert, key, ca });
  return { cert, key, ca };
}

/** What `https.createServer` needs, and again `setSecureContext`, which forgets what it is not told. */
export function tlsOptions(material: TlsMaterial): ServerOptions {
  return {
    ...material,
    minVersion: 'TLSv1.2',
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    ALPNProtocols: ['http/1.1'],
    ...(material.ca === undefined ? {} : VERIFY_CALLERS),
  };
}

const VERIFY_CALLERS: ServerOptions = {
  requestCert: true,
  rejectUnauthorized: true,
  // A resumed session is not verified again, and lives for two hours: a caller could go on with a certificate that has
  // expired, and need not even have it.
  secureOptions: constants.SSL_OP_NO_TICKET,
};

/** What works but is probably not meant: a line for each certificate that is not valid now. */
export function tlsDoubts({ cert, ca }: TlsMaterial): string[] {
  const doubts = outOfDate('TLS_CERT_FILE', cert);
  return ca === undefined ? doubts : [...doubts, ...outOfDate('TLS_CLIENT_CA_FILE', ca)];
}

function outOfDate(setting: string, pem: Buffer): string[] {
  const now = Date.now();
  return certificatesIn(setting, pem).flatMap(({ validFrom, validTo }, index) => {
    const which = `${setting}: certificate ${index + 1}`;
    if (Date.parse(validTo) <= now) return [`${which} expired on ${validTo}`];
    return Date.parse(validFrom) > now ? [`${which} is not valid before ${validFrom}`] : [];
  });
}

function read(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new Error(`${setting}: ${quote(path)} cannot be read (${reason})`, { cause });
  }
}

/** Whatever stands between the blocks is skipped, as OpenSSL does; so is a key in the same file. */
function certificatesIn(setting: string, pem: Buffer): readonly X509Certificate[] {
  const blocks = pem
    .toString('latin1')
    .split(/^(?=-----BEGIN )/m)
    .filter((block) => /^-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(block));
  if (blocks.length === 0) throw new Error(`${setting}: there is no certificate in it (PEM)`);
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw new Error(`${setting}: a certificate is malformed or cut off`, { cause });
  }
}

function privateKeyIn(setting: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const what = pem.includes('ENCRYPTED')
      ? 'the key is encrypted'
      : 'there is no whole private key in it (PEM)';
    throw new Error(`${setting}: ${what}`, { cause });
  }
}

/** OpenSSL has rules of its own, such as the least length of a key. */
function use(setting: string, material: TlsMaterial): void {
  try {
    createSecureContext(tlsOptions(material));
  } catch (cause) {
    const reason = cause instanceof Error && 'reason' in cause ? String(cause.reason) : 'unknown reason';
    throw new Error(`${setting}: OpenSSL refuses it (${reason})`, { cause });
  }
}
