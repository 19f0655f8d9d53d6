import rateLimit, { type RateLimitOptions } from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { App } from './context.ts';
import { Problem } from './problem.ts';

/** Addresses whose calls are counted at once: those that called longest ago are forgotten first. */
const COUNTED_MAX = 50_000;
const SECOND_MS = 1_000;

export interface Rates {
  /** Calls a second of one address, or of one IPv6 network of 64 bits; 0 is no limit. */
  readonly perAddress: number;
  /** Calls a second of one key whose entry says nothing else; 0 is no limit. */
  readonly perKey: number;
}

export type LimitRate = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Refuses what is above the rate of an address, before its key is looked at; health is always answered. */
export async function limitAddresses(app: App, { perAddress }: Rates): Promise<void> {
  if (perAddress === 0) return;
  const limit = await limiter(app, { max: perAddress });
  app.addHook('onRequest', async (request, reply) => {
    // A socket that has closed has forgotten its address, and wants no answer.
    if (request.routeOptions.config.need === 'nothing' || request.socket.destroyed) return;
    await limit(request, reply);
  });
}

/** The same for keys; for a call whose key has been checked. */
export async function keyLimiter(app: App, { perKey }: Rates): Promise<LimitRate> {
  const rateOf = ({ key }: FastifyRequest) => key.ratePerSecond ?? perKey;
  const limit = await limiter(app, { max: rateOf, keyGenerator: ({ key }) => key.name });
  return async (request, reply) => {
    if (rateOf(request) > 0) await limit(request, reply);
  };
}

async function limiter(app: App, options: RateLimitOptions): Promise<LimitRate> {
  if (!app.hasDecorator('createRateLimit')) await app.register(rateLimit, { global: false });
  // Each counter has a store of its own, which is not bounded by what the plugin is registered with.
  const bounded: RateLimitOptions = { timeWindow: SECOND_MS, cache: COUNTED_MAX, ...options };
  const count = app.createRateLimit(bounded);
  return async (request, reply) => {
    const counted = await count(request);
    if (counted.isAllowed) return;
    const { max, remaining, ttlInSeconds, isExceeded } = counted;
    reply.headers({
      'ratelimit-limit': max,
      'ratelimit-remaining': remaining,
      'ratelimit-reset': ttlInSeconds,
    });
    if (!isExceeded) return;
    throw new Problem('too-many-requests', `more than ${max} calls a second`, {
      headers: { 'retry-after': String(ttlInSeconds) },
    });
  };
}
