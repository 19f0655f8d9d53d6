import { cpus, release } from 'node:os';
import { packageVersions } from './system-packages.ts';

/** Where and with what it was measured: enough to judge the figures, nothing that names the machine. */
export interface Circumstances {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly packages: Readonly<Record<string, string>>;
}

export function circumstances(): Circumstances {
  const cores = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    kernel: release().split('-')[0] ?? '',
    packages: packageVersions(),
  };
}
