import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install } from '../install.ts';
import { run } from '../run.ts';
import { PRINTED, Section } from '../section.ts';
import { Stage } from '../stage.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = join(root, 'test/contract/python');
const requirements = join(here, 'requirements.txt');
const venv = join(root, 'node_modules/.cache/contract-python');
const bin = join(venv, 'bin');

const installed = await install({
  name: 'Python, or its packages',
  pins: requirements,
  folder: venv,
  commands: [
    ['python3', '-m', 'venv', venv],
    [join(bin, 'pip'), 'install', '--quiet', '--disable-pip-version-check', '-r', requirements],
  ],
});

describe.skipIf(!installed)('Python', () => {
  const path = { PATH: `${bin}${delimiter}${process.env['PATH']}` };
  let folder: string;
  let section: Section;
  let stage: Stage;

  beforeAll(async () => {
    stage = await Stage.open();
    folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
    section = new Section('Python');
    await section.write(folder);
    await copyFile(join(here, 'story.py'), join(folder, 'story.py'));
    await copyFile(join(root, 'openapi/openapi.yaml'), join(folder, 'openapi.yaml'));
    const [program = '', ...args] = section.command('openapi-python-client').split(' ');
    await run(program, args, { cwd: folder, environment: path });
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await stage.close();
  });

  const python = (file: string, environment: Readonly<Record<string, string>>) =>
    run('python', [file], { cwd: folder, environment: { ...environment, ...path } });

  test('mypy --strict accepts the client, the story and the program of docs/CLIENTS.md', async () => {
    const cache = ['--cache-dir', join(venv, 'mypy-cache')];
    const read = ['beanstalkd_gateway_client', 'story.py', 'worker.py'];
    await run('mypy', ['--strict', ...cache, ...read], { cwd: folder, environment: path });
  }, 120_000);

  test('the client tells the story', async () => {
    expect(await python('story.py', stage.environment)).toBe('');
  });

  test('the program of docs/CLIENTS.md works off a job', async () => {
    expect(await python('worker.py', stage.keyed)).toBe(PRINTED);
  });

  test('docs/CLIENTS.md names the versions that are tested', async () => {
    const pinned = (await readFile(requirements, 'utf8')).split('\n').map((line) => line.split(';')[0]);
    const named = section.commands.join('\n').match(/\S+==\S+/g) ?? [];
    expect(named).not.toEqual([]);
    expect(pinned).toEqual(expect.arrayContaining(named));
  });
});
