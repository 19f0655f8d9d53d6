// A stand-in for the gateway's process, to be killed: starts a beanstalkd in the folder that it is given.
import { OwnBeanstalkd } from '../../src/own/own-beanstalkd.ts';

const { PATH } = process.env;
process.on('SIGINT', () => console.log('SIGINT'));
const own = await OwnBeanstalkd.start({
  dataDir: process.argv[2] ?? '',
  maxJobSize: 65_535,
  path: PATH,
  log: { info() {}, warn() {} },
});
console.log(own.socket);
setInterval(() => {}, 1000);
