import { copyFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { install } from '../install.ts';
import { run } from '../run.ts';
import { PRINTED, Section } from '../section.ts';
import { Stage } from '../stage.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = join(root, 'test/contract/java');
const pom = join(here, 'pom.xml');
const jars = join(root, 'node_modules/.cache/contract-java');

const installed = await install({
  name: 'Java, or its packages',
  pins: pom,
  folder: jars,
  commands: [
    ['javac', '-version'],
    ['mvn', '-B', '-q', '-f', pom, 'dependency:copy', `-DoutputDirectory=${jars}`],
    ['mvn', '-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${jars}/lib`],
  ],
});

describe.skipIf(!installed)('Java', () => {
  let folder: string;
  let section: Section;
  let stage: Stage;

  const shell = (command: string, environment: Readonly<Record<string, string>> = {}) =>
    run('sh', ['-ec', command], { cwd: folder, environment });

  const java = (program: string, environment: Readonly<Record<string, string>>) =>
    run('java', ['-cp', 'classes:lib/*', program], { cwd: folder, environment });

  beforeAll(async () => {
    stage = await Stage.open();
    folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
    section = new Section('Java');
    await section.write(folder);
    await cp(join(here, 'story'), join(folder, 'story'), { recursive: true });
    await copyFile(join(root, 'openapi/openapi.yaml'), join(folder, 'openapi.yaml'));
    await symlink(join(jars, 'lib'), join(folder, 'lib'));
    const generate = section.command('java -jar');
    // Not there where docs/CLIENTS.md names another version.
    const generator = basename(generate.split(' ')[2] ?? '');
    await symlink(join(jars, generator), join(folder, generator));
    await shell(generate);
    await shell(`javac -nowarn -d classes -cp 'lib/*' $(find client/src/main -name '*.java')`);
  }, 120_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await stage.close();
  });

  test('javac accepts the story and the program of docs/CLIENTS.md without a warning', async () => {
    const files = 'story/*.java Worker.java';
    expect(await shell(`javac -Xlint:all -Werror -d classes -cp 'classes:lib/*' ${files}`)).toBe('');
  }, 60_000);

  test('the client tells the story', async () => {
    expect(await java('story.Story', stage.environment)).toBe('');
  }, 60_000);

  test('the program of docs/CLIENTS.md works off a job', async () => {
    expect(await java('Worker', stage.keyed)).toBe(PRINTED);
  }, 60_000);

  test('docs/CLIENTS.md fetches the generator that it runs', () => {
    const [name, version] = /openapi-generator-cli:(\S+)/.exec(section.command('mvn dependency:copy')) ?? [];
    expect(name).toBeDefined();
    expect(section.command('java -jar')).toContain(`openapi-generator-cli-${version}.jar`);
  });
});
