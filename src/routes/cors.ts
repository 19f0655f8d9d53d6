import cors from '@fastify/cors';
import type { App } from './context.ts';

/** Seconds for which a browser asks no further preflight. */
const PREFLIGHT_MAX_AGE = 600;

const EXPOSED = [
  'Job-Id',
  'Job-Priority',
  'Job-Releases',
  'Job-Reserves',
  'Job-State',
  'Job-Time-Left',
  'Job-Ttr',
  'Job-Tube',
  'Location',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Reservation',
  'Reservation-Expires',
  'Reserve-Timeout',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
];

/** Lets pages of these origins call, with a key that they have: no cookie is ever looked at. */
export async function allowOrigins(app: App, origins: '*' | readonly string[]): Promise<void> {
  await app.register(cors, {
    origin: origins === '*' ? origins : [...origins],
    methods: ['GET', 'POST', 'DELETE'],
    allowedHeaders: ['Accept', 'Authorization', 'Content-Type', 'Idempotency-Key', 'X-Request-Id'],
    exposedHeaders: EXPOSED,
    maxAge: PREFLIGHT_MAX_AGE,
    // Its own answer to an OPTIONS that is no preflight is no problem+json.
    strictPreflight: false,
  });
}
