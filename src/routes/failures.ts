import type { ProblemName } from './problem-table.ts';

/** What can befall every call that reaches beanstalkd. */
export const FAILURES = [
  'beanstalkd-protocol-error',
  'beanstalkd-internal-error',
  'beanstalkd-connection-lost',
  'beanstalkd-unreachable',
  'overloaded',
  'shutting-down',
  'beanstalkd-timeout',
  'beanstalkd-out-of-memory',
] as const satisfies readonly ProblemName[];
