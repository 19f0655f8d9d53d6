/** Why a key file is not accepted: one line, with no key and no digest in it. */
export class KeyFileError extends Error {
  override readonly name = 'KeyFileError';
}
