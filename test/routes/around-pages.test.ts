import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readVersion } from '../../src/version.ts';
import { type House, openHouse } from './calls.ts';
import { at, STATUS_OF } from './contract.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse();
});
afterAll(() => house.close());

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8';

describe('GET /', () => {
  test.for(['application/json', '*/*', 'application/*', undefined])('%s: what this is', async (accept) => {
    const answer = await house.calls.call('GET', '/', accept === undefined ? {} : { headers: { accept } });
    expect(answer.status).toBe(200);
    expect(answer.headers.vary).toMatch(/accept/i);
    expect(answer.json()).toMatchObject({ name: 'beanstalkd-gateway', version: '0.0.0-test' });
    for (const link of Object.values(Object(at(answer.json(), 'links')))) {
      expect((await house.calls.call('GET', String(link))).status, String(link)).toBe(200);
    }
  });

  test('a browser is sent to the docs', async () => {
    const answer = await house.calls.call('GET', '/', { headers: { accept: BROWSER } });
    expect([answer.status, answer.headers.location]).toEqual([302, '/docs']);
    expect(answer.headers.vary).toMatch(/accept/i);
  });
});

describe('/docs', () => {
  test('a page under a content security policy, all that it names is here', async () => {
    const { calls } = house;
    for (const path of ['/docs', '/docs/']) {
      const page = await calls.call('GET', path, { headers: { accept: BROWSER } });
      expect(page.status).toBe(200);
      expect(page.headers['content-type']).toMatch(/^text\/html/);
      const policy = String(page.headers['content-security-policy']);
      expect(policy).toContain("default-src 'self'");
      expect(policy).toContain("script-src 'self';");
      // No other host for anything at all.
      expect(policy).not.toContain('http');
      expect(policy).not.toContain('upgrade-insecure-requests');
      expect(page.headers['strict-transport-security']).toBeUndefined();
      const named = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => url);
      expect(named.length).toBeGreaterThan(4);
      for (const url of named) {
        const found = new URL(url, `http://gateway${path}`);
        expect(found.host, url).toBe('gateway');
        const asset = await calls.call('GET', found.pathname);
        expect(asset.status, found.pathname).toBe(200);
        expect(asset.body.length).toBeGreaterThan(0);
        const type = /\.css$/.test(url) ? 'text/css' : /\.js$/.test(url) ? 'javascript' : 'image/png';
        expect(asset.headers['content-type']).toContain(type);
      }
      // A script between the tags would not run under the policy.
      for (const [, script] of page.text.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)) {
        expect(script?.trim()).toBe('');
      }
    }
  });

  test('the page reads the contract from this gateway, and all of it', async () => {
    const { calls } = house;
    const script = await calls.call('GET', '/docs/static/swagger-initializer.js');
    expect(script.status).toBe(200);
    expect(script.text).not.toMatch(/petstore|https:\/\/[a-z]*\.swagger/);
    const contract = (await calls.call('GET', '/openapi.json')).json();
    const read = (await calls.call('GET', '/docs/json')).json();
    expect(read).toMatchObject({ ...Object(contract), paths: expect.anything() });
    for (const [path, methods] of Object.entries(Object(at(contract, 'paths')))) {
      for (const [method, operation] of Object.entries(Object(methods))) {
        const { requestBody, parameters, ...rest } = Object(operation);
        expect(at(read, 'paths', path, method), `${method} ${path}`).toMatchObject(rest);
      }
    }
  });

  test('only what must be given has something in its field that is no default', async () => {
    const read = (await house.calls.call('GET', '/docs/json')).json();
    const parameters = Object.values(Object(at(read, 'paths')))
      .flatMap((path) => Object.values(Object(path)))
      .flatMap((operation) => Object.values(Object(at(operation, 'parameters'))));
    expect(parameters.length).toBeGreaterThan(40);
    for (const parameter of parameters) {
      const isFilled = at(parameter, 'example') !== undefined;
      if (isFilled) expect(at(parameter, 'required'), String(at(parameter, 'name'))).toBe(true);
    }
  });
});

describe('the contract', () => {
  const ofThisBuild = (text: string) => text.replaceAll('0.0.0-test', readVersion());

  test('/openapi.yaml is the one that is committed', async () => {
    const answer = await house.calls.call('GET', '/openapi.yaml');
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/yaml; charset=utf-8');
    const committed = readFileSync(new URL('../../openapi/openapi.yaml', import.meta.url), 'utf8');
    expect(ofThisBuild(answer.text) === committed, 'run npm run openapi').toBe(true);
  });

  test('/openapi.json says the same', async () => {
    const answer = await house.calls.call('GET', '/openapi.json');
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    const document = answer.json();
    expect(document).toEqual(JSON.parse(JSON.stringify(house.gateway.app.swagger())));
    expect(at(document, 'openapi')).toMatch(/^3\.1\./);
    const yaml = (await house.calls.call('GET', '/openapi.yaml')).text;
    const idsIn = (text: string) => [...text.matchAll(/"?operationId"?: ?"?(\w+)/g)].map(([, id]) => id);
    expect(idsIn(answer.text)).toEqual(idsIn(yaml));
    expect(idsIn(answer.text)).toHaveLength(26);
  });

  test('every operation has what API.md asks for', async () => {
    const { contract } = house.calls;
    const document = (await house.calls.call('GET', '/openapi.json')).json();
    for (const path of contract.paths) {
      for (const method of contract.methodsOf(path)) {
        const operation = at(document, 'paths', path, method.toLowerCase());
        expect(operation, `${method} ${path}`).toMatchObject({
          operationId: expect.stringMatching(/^[a-z]\w+$/),
          tags: [expect.any(String)],
          summary: expect.stringMatching(/\S/),
        });
        const statuses = Object.keys(Object(at(operation, 'responses')));
        expect(statuses).toContain('400');
        expect(statuses.some((status) => /^[23]/.test(status))).toBe(true);
      }
    }
  });

  test('unknown parameters are refused here, too', async () => {
    await house.calls.problem('invalid-request', 'GET', '/openapi.json?x=1');
    await house.calls.problem('invalid-request', 'GET', '/openapi.yaml?x=1');
  });
});

describe('/problems', () => {
  test.for(Object.entries(STATUS_OF))('%s (%i)', async ([name, status]) => {
    const { calls } = house;
    const json = await calls.call('GET', `/problems/${name}`);
    expect(json.headers['content-type']).toMatch(/^application\/json/);
    expect(json.headers.vary).toMatch(/accept/i);
    const described = json.json();
    expect(described).toEqual({
      name,
      status,
      title: expect.stringMatching(/\w/),
      meaning: expect.stringMatching(/\w.*\.$/),
      action: expect.stringMatching(/\w.*\.$/),
    });
    const page = await calls.call('GET', `/problems/${name}`, { headers: { accept: BROWSER } });
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.headers['content-security-policy']).toContain("default-src 'self'");
    const text = page.text.replace(/<code>|<\/code>/g, '');
    for (const member of ['name', 'title', 'meaning', 'action']) {
      expect(text).toContain(String(at(described, member)).replaceAll('`', ''));
    }
    expect(page.text).toContain(String(status));
    expect(page.text).not.toMatch(/<script|https?:/);
  });
});
