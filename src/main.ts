#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';
import { keygen } from './access/keygen.ts';
import { Gateway } from './gateway.ts';
import { createLogger } from './log.ts';
import { asksFor, doubts, readSettings, type Settings, SettingsError } from './settings.ts';
import { helpText } from './settings-help.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { readVersion } from './version.ts';

/** Exit codes: 1 it could not start or failed, 2 a setting is wrong. */
const WRONG_SETTING = 2;
/** What stopping may take beyond the grace: the calls under way, and a beanstalkd of our own. */
const STOP_MARGIN_MS = 15_000;
/** npm hands a Ctrl-C on although the terminal has sent it to us already. */
const NPM_ECHO_MS = 1000;

// V8 learns from long polls that an HTTP call lives long, makes all later ones in its old generation, and never
// unlearns it: a sixth more for each call after them (docs/PERFORMANCE.md).
setFlagsFromString('--no-allocation-site-pretenuring');

const argv = process.argv.slice(2);
const wish = asksFor(argv);
if (argv[0] === 'keygen') printKey(argv.slice(1));
else if (wish === 'help') process.stdout.write(helpText());
else if (wish === 'version') process.stdout.write(`${readVersion()}\n`);
else await run();

async function run(): Promise<void> {
  const settings = settingsOrExit();
  const terminal = process.stdout.isTTY === true;
  const log = createLogger(settings.LOG_LEVEL, terminal);
  for (const doubt of doubts(settings)) log.warn(doubt);
  const { PATH, npm_lifecycle_event: npmScript } = process.env;
  const gateway = new Gateway({
    settings,
    log,
    logRequests: settings.LOG_REQUESTS ?? (terminal ? 'all' : 'failed'),
    version: readVersion(),
    path: PATH,
  });
  let isStopping = false;
  // Before the start, because process 1 of a container has no other handler for a signal.
  stopOnSignal({
    log,
    withinMs: settings.SHUTDOWN_GRACE_MS + STOP_MARGIN_MS,
    echoMs: npmScript === undefined ? 0 : NPM_ECHO_MS,
    reload: gateway.canReload ? () => gateway.reload() : undefined,
    stop: (failed) => {
      isStopping = true;
      return gateway.stop(failed ? 0 : settings.SHUTDOWN_GRACE_MS);
    },
  });
  try {
    await gateway.start();
  } catch (error) {
    // Stopped while it started: the stop goes on and exits by itself.
    if (isStopping) return;
    complain(error);
    await gateway.stop(0);
    process.exit(error instanceof SettingsError ? WRONG_SETTING : 1);
  }
}

function settingsOrExit(): Settings {
  try {
    return readSettings(argv, process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    complain(error);
    process.exit(WRONG_SETTING);
  }
}

function printKey(args: readonly string[]): void {
  try {
    process.stdout.write(keygen(args));
  } catch (error) {
    complain(error);
    process.exit(WRONG_SETTING);
  }
}

function complain(error: unknown): void {
  process.stderr.write(`beanstalkd-gateway: ${error instanceof Error ? error.message : String(error)}\n`);
}
