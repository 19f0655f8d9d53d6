/** The gateways that one writes in an afternoon, by the client that they are made with. */
export const NAIVE = [
  { name: 'naive gateway on node-beanstalk', file: 'naive-node-beanstalk.js' },
  { name: 'naive gateway on jackd', file: 'naive-jackd.js' },
  { name: 'naive gateway on beanstalkd (npm)', file: 'naive-beanstalkd.js' },
] as const;

export const BARE = 'bare Fastify';
