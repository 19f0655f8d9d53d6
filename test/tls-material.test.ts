import { copyFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readTls, tlsDoubts } from '../src/tls-material.ts';
import { Authority, type Certified, openssl } from './support/certificates.ts';

let folder: string;
let authority: Authority;
let good: Certified;
let other: Certified;
let files: { certFile: string; keyFile: string; clientCaFile: string };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tls-'));
  authority = new Authority(folder, 'authority');
  good = authority.issue('good', 'serverAuth');
  other = authority.issue('other', 'serverAuth');
  files = {
    certFile: join(folder, 'server.crt'),
    keyFile: join(folder, 'server.key'),
    clientCaFile: join(folder, 'clients.crt'),
  };
});

afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  copyFileSync(good.certFile, files.certFile);
  copyFileSync(good.keyFile, files.keyFile);
  copyFileSync(authority.certFile, files.clientCaFile);
});

test('good files are taken as they are', () => {
  expect(readTls(files)).toEqual({
    cert: readFileSync(good.certFile),
    key: readFileSync(good.keyFile),
    ca: readFileSync(authority.certFile),
  });
});

test('a key may stand in the file of the certificate, whatever else is there', () => {
  const { certFile } = files;
  const parts = [good.keyFile, good.certFile, authority.certFile].map((file) => readFileSync(file, 'utf8'));
  writeFileSync(certFile, ['A remark\r', ...parts].join('\n').replaceAll('\n', '\r\n'));
  expect(readTls({ certFile, keyFile: certFile }).cert).toEqual(readFileSync(certFile));
});

const cases: Readonly<Record<string, readonly [message: string, spoil: () => void]>> = {
  'a missing certificate': [
    'TLS_CERT_FILE: "FOLDER/server.crt" cannot be read (ENOENT)',
    () => rmSync(files.certFile),
  ],
  'no certificate': [
    'TLS_CERT_FILE: there is no certificate in it (PEM)',
    () => writeFileSync(files.certFile, ''),
  ],
  'half a certificate': [
    'TLS_CERT_FILE: a certificate is malformed or cut off',
    () => truncateSync(files.certFile, 300),
  ],
  'half a chain': [
    'TLS_CERT_FILE: a certificate is malformed or cut off',
    () => {
      const half = readFileSync(authority.certFile).subarray(0, 300);
      writeFileSync(files.certFile, Buffer.concat([readFileSync(good.certFile), half]));
    },
  ],
  'a certificate that is not PEM': [
    'TLS_CERT_FILE: there is no certificate in it (PEM)',
    () => openssl(['x509', '-in', good.certFile, '-outform', 'DER', '-out', files.certFile]),
  ],
  'a missing key': ['TLS_KEY_FILE: "FOLDER/server.key" cannot be read (ENOENT)', () => rmSync(files.keyFile)],
  'half a key': [
    'TLS_KEY_FILE: there is no whole private key in it (PEM)',
    () => truncateSync(files.keyFile, 150),
  ],
  'an encrypted key': [
    'TLS_KEY_FILE: the key is encrypted',
    () => openssl(['pkcs8', '-topk8', '-in', good.keyFile, '-passout', 'pass:x', '-out', files.keyFile]),
  ],
  'the key of another certificate': [
    'TLS_KEY_FILE: the key does not fit the first certificate in TLS_CERT_FILE',
    () => copyFileSync(other.keyFile, files.keyFile),
  ],
  'a key that is too short': [
    'TLS_CERT_FILE: OpenSSL refuses it (ee key too small)',
    () => {
      const out = ['-keyout', files.keyFile, '-out', files.certFile];
      openssl(['req', '-x509', '-newkey', 'rsa:512', '-nodes', ...out, '-subj', '/CN=short']);
    },
  ],
  'a missing client CA': [
    'TLS_CLIENT_CA_FILE: "FOLDER/clients.crt" cannot be read (ENOENT)',
    () => rmSync(files.clientCaFile),
  ],
  'a client CA without a certificate': [
    'TLS_CLIENT_CA_FILE: there is no certificate in it (PEM)',
    () => copyFileSync(good.keyFile, files.clientCaFile),
  ],
};

test.each(Object.entries(cases))('%s is refused in one line', (_, [message, spoil]) => {
  spoil();
  expect(() => readTls(files)).toThrow(new Error(message.replace('FOLDER', folder)));
});

test('certificates that are not valid now are doubted', () => {
  expect(tlsDoubts(readTls(files))).toEqual([]);
  copyFileSync(authority.issue('expired', 'serverAuth', 0).certFile, files.clientCaFile);
  writeFileSync(files.clientCaFile, readFileSync(authority.certFile), { flag: 'a' });
  expect(tlsDoubts(readTls(files))).toEqual([
    expect.stringMatching(/^TLS_CLIENT_CA_FILE: certificate 1 expired on .* GMT$/),
  ]);
});
