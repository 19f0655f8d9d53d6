/*
 * The story of one job, told by the client that was generated beside this file. Compiled with it, so that a
 * client that does not type-check fails; run as a program, with the gateway's URL as its argument.
 */
import assert from 'node:assert/strict';
import { client } from './client/client.gen.ts';
import {
  deleteReservedJob,
  getJob,
  putJob,
  putJobs,
  reserveJobs,
  touchReservedJob,
} from './client/sdk.gen.ts';

client.setConfig({ baseUrl: process.argv[2] ?? '' });

const tube = 'contract';
const put = await putJob({ path: { tube }, query: { ttr: 30 }, body: new Blob(['hello']) });
assert.equal(put.response?.status, 201);
const id: string = put.data?.id ?? '';

const reserved = await reserveJobs({ path: { tube }, query: { timeout: 2 } });
// The other form, by Accept, is the raw body.
assert.ok(reserved.data !== undefined && 'reservations' in reserved.data);
const first = reserved.data.reservations[0];
assert.equal(first?.job.id, id);
assert.equal(first?.body, 'hello');
assert.equal(first?.encoding, 'utf-8');
const reservation: string = first?.reservation ?? '';

const touched = await touchReservedJob({ path: { reservation } });
assert.ok(Date.parse(touched.data?.expiresAt ?? '') > Date.now());

const deleted = await deleteReservedJob({ path: { reservation } });
assert.equal(deleted.response?.status, 204);

const gone = await getJob({ path: { id } });
assert.equal(gone.error?.status, 404);
assert.equal(gone.error?.type, '/problems/job-not-found');

const batch = await putJobs({
  path: { tube },
  body: { jobs: [{ body: 'one' }, { body: 'dHdv', encoding: 'base64', delay: 60 }] },
});
assert.deepEqual(
  batch.data?.results.map(({ status }) => status),
  [201, 201],
);
