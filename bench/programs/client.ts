import { openBeanstalkd } from '../clients/beanstalkd.ts';
import type { OpenClient } from '../clients/client.ts';
import { openJackd } from '../clients/jackd.ts';
import { openNodeBeanstalk } from '../clients/node-beanstalk.ts';
import { openOurs } from '../clients/ours.ts';
import { openRaw } from '../clients/raw.ts';
import { print } from '../print.ts';
import { warmRate } from '../run.ts';
import { load } from '../wire/load.ts';

// client <client> <put|work> <in flight> <seconds> <port of beanstalkd>

const CLIENTS: Readonly<Record<string, OpenClient>> = {
  ours: openOurs,
  jackd: openJackd,
  'node-beanstalk': openNodeBeanstalk,
  beanstalkd: openBeanstalkd,
  raw: openRaw,
};

const [name = '', operation, inFlight, seconds, beanstalkdPort] = process.argv.slice(2);
const port = Number(beanstalkdPort);
const open = CLIENTS[name];
if (open === undefined) throw new Error(`no client has the name ${name}`);
const client = await open(port, Number(inFlight));
const measured = { seconds: Number(seconds), pid: process.pid };
const rate =
  operation === 'put'
    ? await warmRate({ ...measured, work: client.put })
    : await warmRate({ ...measured, work: client.work, supply: (jobs) => load(port, 'default', jobs) });
print(rate);
