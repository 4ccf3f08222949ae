import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { GpuSpeed, Load } from './gpu-measure.js';

const script = fileURLToPath(new URL('../../scripts/transformers_speed.py', import.meta.url));

/** Speeds of transformers on the same checkpoint and load, or why there are none. */
export type Peer = Partial<GpuSpeed> | { readonly missing: string };

/** Asks the Python that MOEPRESS_PYTHON names, `python3` by default, on its CUDA device. */
export async function transformersSpeed(directory: string, load: Load, device = 'cuda'): Promise<Peer> {
  const python = process.env.MOEPRESS_PYTHON ?? 'python3';
  const args = [script, directory, device, JSON.stringify(load)];
  try {
    const { stdout } = await promisify(execFile)(python, args, { maxBuffer: 2 ** 26 });
    return JSON.parse(stdout.trim().split('\n').at(-1)!) as Partial<GpuSpeed>;
  } catch (error) {
    const { stderr = '', message } = error as Error & { stderr?: string };
    return { missing: stderr.trim().split('\n').at(-1) || message };
  }
}
