/** The gateways that one writes in an afternoon, by the client that they are made with. */
export const NAIVE = [
  { name: 'naive gateway on node-beanstalk', file: 'naive-node-beanstalk.js' },
  { name: 'naive gateway on jackd', file: 'naive-jackd.js' },
  { name: 'naive gateway on beanstalkd (npm)', file: 'naive-beanstalkd.js' },
] as const;

export const BARE = 'bare Fastify';
/** The least that any gateway on Fastify has to do; see servers/least-gateway.ts. */
export const LEAST = { name: 'least gateway on Fastify', file: 'least-gateway.js' } as const;
