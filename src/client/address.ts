/** Where a beanstalkd listens. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

const DEFAULT_PORT = 11_300;

/** Reads `beanstalkd://host[:port]` or `unix:/path`; throws an Error that says what is wrong. */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/')) throw new Error('the path behind unix: must be absolute');
    return { path };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'beanstalkd:' || url.hostname === '') {
    throw new Error('expected beanstalkd://host:port or unix:/path');
  }
  if (
    (url.pathname !== '' && url.pathname !== '/') ||
    url.search ||
    url.hash ||
    url.username ||
    url.password
  ) {
    throw new Error('expected nothing but a host and a port behind beanstalkd://');
  }
  if (url.port === '0') throw new Error('expected a port from 1 to 65535');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
  };
}
