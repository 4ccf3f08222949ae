import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../real/child.js';
import { benchFolder } from '../real/moepress.js';
import { type Settings, Side, type SideCommand } from './side.js';

const script = (name: string) => fileURLToPath(new URL(`../../scripts/${name}`, import.meta.url));

/** A peer that answers, or why there is none. */
export type Peer =
  | { readonly name: string; readonly side: Side; readonly settings: readonly Settings[] }
  | { readonly name: string; readonly missing: string };

/** The Python with torch, transformers and lm_eval; null: none is named. */
export const peerPython = (): string | null => process.env.MOEPRESS_PYTHON ?? null;

/** No network access. */
const offline = { HF_HUB_OFFLINE: '1', HF_DATASETS_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };

export async function startOurs(directory: string): Promise<Side> {
  const entry = fileURLToPath(new URL('./our-side.js', import.meta.url));
  return (await Side.start({ program: process.execPath, args: [entry, directory] })).side;
}

export async function startTransformers(directory: string): Promise<Peer> {
  const program = peerPython();
  if (program === null) return { name: 'transformers', missing: 'MOEPRESS_PYTHON names no Python' };
  return started('transformers', {
    program,
    args: [script('transformers_side.py'), directory],
    env: offline,
  });
}

/**
 * llama.cpp on the checkpoint in 16-bit floats, which are written beside it once. Where node-llama-cpp is installed the
 * variable MOEPRESS_LLAMA says, else it is looked for in the folder `llama` of the benchmarks' own.
 */
export async function startLlama(directory: string): Promise<Peer> {
  const folder = process.env.MOEPRESS_LLAMA ?? join(benchFolder, 'llama');
  const missing = (why: string) => ({ name: 'llama.cpp', missing: why });
  if (!existsSync(join(folder, 'node_modules', 'node-llama-cpp'))) {
    return missing('node-llama-cpp is not installed in the folder that MOEPRESS_LLAMA names');
  }
  const file = `${directory}-f16.gguf`;
  if (!existsSync(file)) {
    const python = peerPython();
    if (python === null) return missing('MOEPRESS_PYTHON names no Python that writes GGUF');
    const written = await run(python, [script('gguf_from_checkpoint.py'), directory, file]);
    if (written.outcome !== 'done') return missing(`no GGUF: ${written.complaint?.split('\n').at(-1)}`);
  }
  return started('llama.cpp', {
    program: process.execPath,
    args: [script('llama_side.mjs'), folder, file],
  });
}

async function started(name: string, command: SideCommand): Promise<Peer> {
  try {
    const { side, about } = await Side.start(command);
    return { name: about.name ?? name, side, settings: about.settings ?? [] };
  } catch (error) {
    return {
      name,
      missing: String((error as Error).message)
        .trim()
        .split('\n')
        .at(-1)!,
    };
  }
}
