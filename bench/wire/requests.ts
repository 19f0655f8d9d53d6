import { BODY, LONG_TTR } from './load.ts';

const TOKEN = '"reservation":"';

const request = (method: string, path: string, body = '', type = 'application/octet-stream') =>
  [
    `${method} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...(body === '' ? [] : [`Content-Type: ${type}`, `Content-Length: ${body.length}`]),
    '',
    body,
  ].join('\r\n');

export const putRequest = (tube: string): string =>
  request('POST', `/v1/tubes/${tube}/jobs?ttr=${LONG_TTR}`, BODY);

export const putBatchRequest = (tube: string, jobs: number): string =>
  request(
    'POST',
    `/v1/tubes/${tube}/jobs/batch`,
    JSON.stringify({ jobs: Array.from({ length: jobs }, () => ({ body: BODY, ttr: LONG_TTR })) }),
    'application/json',
  );

export const reserveRequest = (tube: string, query = ''): string =>
  request('POST', `/v1/tubes/${tube}/reservations${query}`);

export const deleteRequest = (token: string): string => request('DELETE', `/v1/reservations/${token}`);

export const deleteBatchRequest = (tokens: readonly string[]): string =>
  request(
    'POST',
    '/v1/reservations/batch',
    `{"settle":[${tokens.map((token) => `{"reservation":"${token}","action":"delete"}`).join(',')}]}`,
    'application/json',
  );

/** The tokens in the answer to a reserve. Its jobs' bodies are ours, so a scan cannot be misled. */
export function tokensIn(answer: Buffer): string[] {
  const tokens: string[] = [];
  for (let at = answer.indexOf(TOKEN, 0, 'latin1'); at !== -1; at = answer.indexOf(TOKEN, at, 'latin1')) {
    at += TOKEN.length;
    tokens.push(answer.toString('latin1', at, answer.indexOf('"', at, 'latin1')));
  }
  return tokens;
}

/** How often a text is in the answer to a batch. */
export function countIn(answer: Buffer, text: string): number {
  let count = 0;
  for (let at = answer.indexOf(text, 0, 'latin1'); at !== -1; at = answer.indexOf(text, at + 1, 'latin1'))
    count += 1;
  return count;
}
