import type { Lab, Server } from '../lab.ts';
import { drain } from '../wire/drain.ts';
import { load } from '../wire/load.ts';
import { type Answered, wrk } from '../wrk.ts';

/** A reserve must not come before its put. */
const AHEAD = 1_000;

/** Put, reserve and delete of jobs of 100 bytes for some seconds. Every third request completes one job. */
export async function cycle(lab: Lab, server: Server, seconds: number): Promise<Answered> {
  const { port } = lab.beanstalkd;
  await load(port, 't', AHEAD);
  const answered = await wrk(server, '/', { script: 'cycle.lua', args: [100], seconds });
  await drain(port, 't');
  return answered;
}

/** So long that what matters is compiled: a Node server is slower by a fifth for its first seconds. */
export const warmUp = (lab: Lab, server: Server) => cycle(lab, server, 3);
