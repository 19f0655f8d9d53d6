// Installs beanstalkd with the system's package manager where it is not on PATH, for `npm start` and `npm test`.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Each is tried in this order; `needsRoot` because Homebrew refuses to run as root. */
const managers = [
  {
    program: 'apt-get',
    needsRoot: true,
    // Debian starts a service that it installs, on the usual port: not at run level 1.
    environment: ['RUNLEVEL=1', 'DEBIAN_FRONTEND=noninteractive'],
    commands: [
      ['apt-get', 'update'],
      ['apt-get', 'install', '-y', '--no-install-recommends', 'beanstalkd'],
    ],
  },
  { program: 'dnf', needsRoot: true, environment: [], commands: [['dnf', 'install', '-y', 'beanstalkd']] },
  { program: 'apk', needsRoot: true, environment: [], commands: [['apk', 'add', 'beanstalkd']] },
  { program: 'brew', needsRoot: false, environment: [], commands: [['brew', 'install', 'beanstalkd']] },
];

/** Does nothing where beanstalkd is there already; otherwise installs it, or ends the process with one line. */
export function installBeanstalkd() {
  if (isOnPath('beanstalkd')) return;
  const manager = managers.find(({ program }) => isOnPath(program));
  if (manager === undefined) {
    fail('install it from https://beanstalkd.github.io, or set BEANSTALKD_URL to one that runs');
  }
  const hint = `install it with: ${manager.needsRoot ? 'sudo ' : ''}${manager.commands.at(-1).join(' ')}`;
  if (process.env.NO_INSTALL) fail(`NO_INSTALL is set; ${hint}`);
  const prefix = prefixFor(manager);
  if (prefix === undefined) fail(`this needs root and there is no sudo; ${hint}`);
  const done = manager.commands.map((command) => run([...prefix, ...command]));
  // A failed `update` (one mirror of many) may not matter, the installation does.
  if (!done.at(-1)) fail(`${manager.program} could not install it; ${hint}`);
  if (!isOnPath('beanstalkd')) fail(`${manager.program} put it outside PATH; ${hint}`);
}

function prefixFor({ needsRoot, environment }) {
  const assignments = environment.length === 0 ? [] : ['env', ...environment];
  if (!needsRoot || process.getuid() === 0) return assignments;
  // Never a question: nobody may be there to answer it.
  return isOnPath('sudo') ? ['sudo', '-n', ...assignments] : undefined;
}

function run(command) {
  console.error(`$ ${command.join(' ')}`);
  return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2] }).status === 0;
}

function isOnPath(program) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && isExecutable(join(folder, program)));
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function fail(reason) {
  console.error(`beanstalkd is not installed: ${reason}`);
  process.exit(1);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  installBeanstalkd();
