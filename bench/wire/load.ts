import { RawPipeline } from './raw-pipeline.ts';
import { isInserted, unexpectedReply } from './raw-socket.ts';

/** The body of a job wherever nothing else is said. */
export const BODY = 'x'.repeat(100);
/** Seconds: nothing expires while something is measured. */
export const LONG_TTR = 3_600;

const WINDOW = 500;

export const putCommand = (body = BODY): string => `put 1024 0 ${LONG_TTR} ${body.length}\r\n${body}\r\n`;

export const expectInserted = (bytes: Buffer, at: number): void => {
  if (!isInserted(bytes, at)) unexpectedReply(bytes, at);
};

/** Puts so many jobs into a tube, past whatever is measured. */
export async function load(port: number, tube: string, jobs: number): Promise<void> {
  const pipeline = await RawPipeline.dial(port);
  await pipeline.ask(`use ${tube}`);
  for (let left = jobs; left > 0; left -= WINDOW) {
    const count = Math.min(WINDOW, left);
    await pipeline.exchange(putCommand().repeat(count), count, expectInserted);
  }
  pipeline.close();
}

/** Names of tubes to be used in turn. */
export const tubeNames = (count: number): string[] => Array.from({ length: count }, (_, at) => `tube-${at}`);

export const putIn = (tube: string): string => `use ${tube}\r\n${putCommand()}`;

/** One job in each: beanstalkd forgets an empty tube that nobody uses. */
export async function makeTubes(port: number, names: readonly string[]): Promise<void> {
  const pipeline = await RawPipeline.dial(port);
  await pipeline.exchange(names.map(putIn).join(''), 2 * names.length, () => {});
  pipeline.close();
}
