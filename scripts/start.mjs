// `npm start`: the gateway, with a beanstalkd of its own where nobody chose another. package.json runs it with
// `exec`, because a shell between npm and us would take npm's signal for itself.
import { parseArgs } from 'node:util';
import { installBeanstalkd } from './install-beanstalkd.mjs';

const { values } = parseArgs({
  options: {
    'beanstalkd-url': { type: 'string' },
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean', short: 'v' },
  },
  // The rest is the gateway's to judge.
  strict: false,
});

const url = values['beanstalkd-url'] ?? (process.env.BEANSTALKD_URL || 'own');
if (values['beanstalkd-url'] === undefined) process.env.BEANSTALKD_URL = url;
if (url === 'own' && !values.help && !values.version) installBeanstalkd();

// In this process, so that signals reach it.
await import('../dist/main.js');
