import type { FastifyRequest, RouteOptions } from 'fastify';
import { ANYONE, type Key, NOBODY } from '../access/key-ring.ts';
import type { Keys } from '../access/keys.ts';
import type { Right } from '../access/rights.ts';
import type { Scope } from '../pool/jobs.ts';
import type { Owner } from '../pool/owner.ts';
import type { App } from './context.ts';
import { memberOf } from './member.ts';
import { type OwnerDefaults, Owners } from './owners.ts';
import { Problem } from './problem.ts';
import { keyLimiter, type Rates } from './rate-limits.ts';

/** What a call needs: a right, any key at all, or not even that. */
export type Need = Right | 'any key' | 'nothing';

declare module 'fastify' {
  interface FastifyRequest {
    /** Whose call this is: what it may do, and where. */
    readonly key: Key;
    /** Where there are keys, once this call's has been found good. */
    checkedKey: Key | undefined;
    /** Whose the reservations of this call are; undefined where there are no keys. */
    owner: Owner | undefined;
  }
  interface FastifyContextConfig {
    /** Without it a route needs any key. */
    readonly need?: Need;
    /** It shows figures of the whole server, and needs its right on every tube. */
    readonly wholeServer?: boolean;
  }
}

export interface Admission extends OwnerDefaults {
  /** Undefined: everybody may do everything. */
  readonly keys: Keys | undefined;
  /** /metrics needs no key. */
  readonly openMetrics: boolean;
  /** The pages around the API need none. */
  readonly openDocs: boolean;
}

// RFC 6750, section 2.1; the scheme is case-insensitive (RFC 9110, section 11.1).
const BEARER = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i;
/** As long as a tube may be; this one has not been validated yet. */
const SHOWN_MAX = 200;
const CHALLENGE = 'Bearer realm="beanstalkd-gateway"';

/** Before anything else of a call is looked at, its key is, and that it covers the tubes that the call names. */
export async function authorize(app: App, admission: Admission, rates: Rates): Promise<void> {
  const { keys } = admission;
  app.decorateRequest('owner', undefined);
  if (keys === undefined) {
    app.decorateRequest('key', { getter: () => ANYONE });
    return;
  }
  app.decorateRequest('checkedKey', undefined);
  app.decorateRequest('key', {
    getter() {
      return this.checkedKey ?? NOBODY;
    },
  });
  const owners = new Owners(admission);
  const limitRate = await keyLimiter(app, rates);
  const authenticate = (request: FastifyRequest, _reply: unknown, done: (error?: Error) => void) => {
    const key = keys.find(BEARER.exec(request.headers.authorization ?? '')?.[1] ?? '');
    if (key === undefined || key.expired) {
      done(unauthorized(request, key));
      return;
    }
    request.checkedKey = key;
    request.owner = owners.of(key);
    done();
  };
  app.addHook('onRoute', (route) => {
    const need = needOf(route, admission);
    if (need === 'nothing') return;
    route.onRequest = [
      authenticate,
      limitRate,
      permit(need, route.config?.wholeServer === true),
      ...[route.onRequest ?? []].flat(),
    ];
  });
}

/** The tubes that the key of this call covers. */
export const scopeOf = ({ key: { tubes } }: FastifyRequest): Scope =>
  tubes.coversAll ? undefined : (tube) => tubes.covers(tube);

function needOf({ url, config }: RouteOptions, { openMetrics, openDocs }: Admission): Need {
  const need = config?.need ?? 'any key';
  const isOpen = url === '/metrics' ? openMetrics : openDocs && need === 'any key' && !url.startsWith('/v1/');
  return isOpen ? 'nothing' : need;
}

/** Checks the right of a route, and the tubes in its path or query: as sent, so that no body is read in vain. */
function permit(need: Right | 'any key', wholeServer: boolean) {
  return (request: FastifyRequest, _reply: unknown, done: (error?: Error) => void) => {
    const { key } = request;
    if (need !== 'any key' && !key.may(need)) {
      done(new Problem('forbidden', `the key ${key.name} has no right to ${need}`));
    } else if (wholeServer && !key.tubes.coversAll) {
      done(new Problem('forbidden', `the key ${key.name} does not cover all tubes`));
    } else {
      const outside = tubesIn(request).find((tube) => !key.tubes.covers(tube));
      done(
        outside === undefined
          ? undefined
          : new Problem(
              'forbidden',
              `the key ${key.name} does not cover the tube ${JSON.stringify(outside.slice(0, SHOWN_MAX))}`,
            ),
      );
    }
  };
}

function tubesIn({ params, query }: FastifyRequest): string[] {
  return [memberOf(params, 'tube'), memberOf(query, 'tube')]
    .flat()
    .filter((tube) => typeof tube === 'string');
}

function unauthorized({ headers }: FastifyRequest, key: Key | undefined): Problem {
  if (headers.authorization === undefined)
    return new Problem('unauthorized', 'a key is needed: Authorization: Bearer …', {
      headers: { 'www-authenticate': CHALLENGE },
    });
  const detail = key === undefined ? 'the key is not known here' : `the key ${key.name} has expired`;
  // RFC 6750, section 3.1
  return new Problem('unauthorized', detail, {
    headers: { 'www-authenticate': `${CHALLENGE}, error="invalid_token"` },
  });
}
