import { copyFile, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install } from '../install.ts';
import { run } from '../run.ts';
import { PRINTED, Section } from '../section.ts';
import { Stage } from '../stage.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = join(root, 'test/contract/go');
const tools = join(root, 'node_modules/.cache/contract-go');

const installed = await install({
  name: 'Go, or its modules',
  pins: join(here, 'go.sum'),
  folder: tools,
  commands: [
    ['go', '-C', here, 'mod', 'download'],
    // Compiled once, and from then on in Go's own cache, from where `go tool` takes it.
    ['go', '-C', here, 'build', '-o', `${tools}/`, 'tool'],
  ],
});

describe.skipIf(!installed)('Go', () => {
  let folder: string;
  let section: Section;
  let stage: Stage;

  const go = (...args: string[]) => run('go', args, { cwd: folder });

  beforeAll(async () => {
    stage = await Stage.open();
    folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
    section = new Section('Go');
    for (const file of ['go.mod', 'go.sum']) await copyFile(join(here, file), join(folder, file));
    await cp(join(here, 'story'), join(folder, 'story'), { recursive: true });
    await copyFile(join(root, 'openapi/openapi.yaml'), join(folder, 'openapi.yaml'));
    await mkdir(join(folder, 'gateway'));
    await section.write(folder);
    await go(...section.command('go tool').split(' ').slice(1));
  }, 120_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await stage.close();
  });

  test('go vet accepts the client, the story and the program of docs/CLIENTS.md', async () => {
    expect(await go('vet', './...')).toBe('');
  }, 60_000);

  test('the client tells the story', async () => {
    await go('build', '-o', 'tell', './story');
    expect(await run(join(folder, 'tell'), [], { environment: stage.environment })).toBe('');
  }, 60_000);

  test('the program of docs/CLIENTS.md works off a job', async () => {
    await go('build', '-o', 'worker', '.');
    expect(await run(join(folder, 'worker'), [], { environment: stage.keyed })).toBe(PRINTED);
  }, 60_000);

  test('docs/CLIENTS.md names the versions that are tested', async () => {
    const [, module, version] = /(\S+)\/cmd\/\S+@(\S+)/.exec(section.command('go get')) ?? [];
    expect(await readFile(join(here, 'go.mod'), 'utf8')).toContain(`${module} ${version}`);
  });
});
