import { afterAll, beforeAll, expect, test } from 'vitest';
import { type House, openHouse } from './calls.ts';
import { at } from './contract.ts';
import { membersOf, operationsOf, resolved } from './described-parts.ts';

/* Everything that the document names, it also describes: in sentences. */

let house: House;
let document: unknown;

beforeAll(async () => {
  house = await openHouse();
  document = resolved(house.gateway.app.swagger());
});
afterAll(() => house.close());

type Named = readonly [where: string, described: unknown];

/** In every group, what has no description, or one that is no sentence. */
const undescribed = (named: readonly Named[]): string[] =>
  named
    .filter(([, described]) => !/^\S.*[.:]$/s.test(String(at(described, 'description') ?? '')))
    .map(([where, described]) => `${where}: ${String(at(described, 'description'))}`);

const under = (where: string, value: unknown): Named[] =>
  membersOf(value).map(([name, member]) => [`${where} ${name}`, member]);

/** The members of an object schema, and of the objects in it. */
function propertiesIn(where: string, schema: unknown): Named[] {
  const own = under(where, at(schema, 'properties'));
  const items = at(schema, 'items');
  const nested = own.flatMap(([name, property]) => propertiesIn(name, property));
  return [...own, ...nested, ...(items === undefined ? [] : propertiesIn(`${where} item`, items))];
}

test('operations, their parameters, bodies and answers, and the headers of those', () => {
  const operations = operationsOf(document);
  expect(operations.length).toBeGreaterThan(25);
  for (const { id, described } of operations) {
    const parameters = membersOf(at(described, 'parameters')).map(
      ([, parameter]): Named => [`${id} ${String(at(parameter, 'name'))}`, parameter],
    );
    const body = at(described, 'requestBody');
    const responses = under(id, at(described, 'responses'));
    const headers = responses.flatMap(([where, response]) => under(where, at(response, 'headers')));
    const named: Named[] = [[id, described], ...parameters, ...responses, ...headers];
    expect(undescribed(body === undefined ? named : [...named, [`${id} body`, body]])).toEqual([]);
    expect(at(described, 'summary'), id).toEqual(expect.stringMatching(/^[A-Z].*[^.]$/));
  }
});

test('components, and all of their members', () => {
  const schemas = under('', at(document, 'components', 'schemas'));
  expect(schemas.length).toBeGreaterThan(20);
  expect(undescribed(schemas)).toEqual([]);
  expect(undescribed(schemas.flatMap(([name, schema]) => propertiesIn(name, schema)))).toEqual([]);
});

test('tags, servers, keys, and the whole', () => {
  const named = ['tags', 'servers'].flatMap((group) => under(group, at(document, group)));
  const keys = under('key', at(document, 'components', 'securitySchemes'));
  expect(named.length).toBeGreaterThan(4);
  expect(undescribed([...named, ...keys, ['info', at(document, 'info')]])).toEqual([]);
});
