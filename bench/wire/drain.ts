import { RawPipeline } from './raw-pipeline.ts';
import { isReserved, reservedId } from './raw-socket.ts';

const WINDOW = 500;
const RESERVES = 'reserve-with-timeout 0\r\n'.repeat(WINDOW);

/** Takes and deletes all ready jobs of a tube, past whatever is measured. */
export async function drain(port: number, tube: string): Promise<void> {
  const pipeline = await RawPipeline.dial(port);
  await pipeline.ask(`watch ${tube}`);
  for (let full = true; full; ) {
    const ids: string[] = [];
    await pipeline.exchange(RESERVES, WINDOW, (bytes, at) => {
      if (isReserved(bytes, at)) ids.push(reservedId(bytes, at));
    });
    const deletes = ids.map((id) => `delete ${id}\r\n`).join('');
    if (ids.length > 0) await pipeline.exchange(deletes, ids.length, () => {});
    full = ids.length === WINDOW;
  }
  pipeline.close();
}
