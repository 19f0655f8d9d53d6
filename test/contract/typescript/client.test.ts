import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { at } from '../../routes/contract.ts';
import { install } from '../install.ts';
import { run } from '../run.ts';
import { PRINTED, Section } from '../section.ts';
import { Stage } from '../stage.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const document = fileURLToPath(new URL('../../../openapi/openapi.yaml', import.meta.url));
const modules = join(here, 'node_modules');

const installed = await install({
  name: 'the TypeScript generators',
  pins: join(here, 'package-lock.json'),
  folder: modules,
  commands: [['npm', 'ci', '--prefix', here]],
});

describe.skipIf(!installed).each([
  { heading: 'TypeScript with openapi-ts', generator: 'npx openapi-ts', story: 'openapi-ts.ts' },
  {
    heading: 'TypeScript with openapi-fetch',
    generator: 'npx openapi-typescript',
    story: 'openapi-fetch.ts',
  },
])('$heading', ({ heading, generator, story }) => {
  let folder: string;
  let section: Section;
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
    folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
    section = new Section(heading);
    await section.write(folder);
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    await symlink(modules, join(folder, 'node_modules'));
    await copyFile(join(here, 'tsconfig.json'), join(folder, 'tsconfig.json'));
    await copyFile(join(here, 'stories', story), join(folder, 'story.ts'));
    await copyFile(document, join(folder, 'openapi.yaml'));
    const [program = '', ...args] = section.command(generator).split(' ');
    await run(program, args, { cwd: folder });
    await run(join(modules, '.bin/tsc'), [], { cwd: folder });
  }, 120_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await stage.close();
  });

  const node = (file: string, environment: Readonly<Record<string, string>>) =>
    run(process.execPath, [file], { cwd: folder, environment });

  test('the client tells the story', async () => {
    expect(await node('out/story.js', stage.environment)).toBe('');
  });

  test('the program of docs/CLIENTS.md works off a job', async () => {
    expect(await node('out/worker.js', stage.keyed)).toBe(PRINTED);
  });

  test('docs/CLIENTS.md names the versions that are tested', async () => {
    const pinned: unknown = JSON.parse(await readFile(join(here, 'package.json'), 'utf8'));
    const named = [...section.commands.join('\n').matchAll(/(\S+)@(\d\S+)/g)];
    expect(named).not.toEqual([]);
    for (const [, name = '', version] of named)
      expect(at(pinned, 'devDependencies', name), name).toBe(version);
  });
});
