import { unwatchFile, watchFile } from 'node:fs';

/** Polling: events know neither network file systems nor the swapped symlinks of Kubernetes' volumes. */
const INTERVAL_MS = 500;

/**
 * Calls `changed` within about a second after one of the files was written, replaced, taken away or brought back; and
 * once soon after the start, since what happens before the first look goes unseen. Whoever is called looks at the
 * files itself. Returns what stops it; it keeps no process alive.
 */
export function watchFiles(paths: readonly string[], changed: () => void): () => void {
  // A listener of its own: unwatchFile would take those of others with the same.
  const listener = () => changed();
  for (const path of paths) watchFile(path, { interval: INTERVAL_MS, persistent: false }, listener);
  const first = setTimeout(changed, INTERVAL_MS).unref();
  return () => {
    clearTimeout(first);
    for (const path of paths) unwatchFile(path, listener);
  };
}
