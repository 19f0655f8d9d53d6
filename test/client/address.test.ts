import { expect, test } from 'vitest';
import { parseAddress } from '../../src/client/address.ts';

test.each([
  ['beanstalkd://localhost', { host: 'localhost', port: 11_300 }],
  ['beanstalkd://localhost:11300', { host: 'localhost', port: 11_300 }],
  ['beanstalkd://queue.internal:1/', { host: 'queue.internal', port: 1 }],
  ['beanstalkd://10.0.0.7:65535', { host: '10.0.0.7', port: 65_535 }],
  ['beanstalkd://[::1]:11301', { host: '::1', port: 11_301 }],
  ['beanstalkd://[2001:db8::7]', { host: '2001:db8::7', port: 11_300 }],
  ['unix:/run/beanstalkd.sock', { path: '/run/beanstalkd.sock' }],
  ['unix:/tmp/with space', { path: '/tmp/with space' }],
])('%s is an address', (text, address) => {
  expect(parseAddress(text)).toEqual(address);
});

test.each([
  '',
  'localhost',
  'localhost:11300',
  '127.0.0.1:11300',
  'http://localhost:11300',
  'tcp://localhost:11300',
  'beanstalkd:',
  'beanstalkd://',
  'beanstalkd://:11300',
  'beanstalkd:localhost',
  'beanstalkd://localhost:0',
  'beanstalkd://localhost:65536',
  'beanstalkd://localhost:x',
  'beanstalkd://local host',
  'beanstalkd://localhost/tube',
  'beanstalkd://localhost?x=1',
  'beanstalkd://localhost#x',
  'beanstalkd://user@localhost',
  'beanstalkd://user:secret@localhost',
  'beanstalkd://::1',
  'unix:',
  'unix:relative.sock',
])('%j is none, and the error says what is expected', (text) => {
  expect(() => parseAddress(text)).toThrow(/expected|absolute/);
});
