import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openModel } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';
import { type Device, startDevice } from '@moepress/runtime';
import { forwardFlops, gflops, headFlops } from '../flops.js';
import { type GpuSpeed, type Load, measureGpu } from '../gpu/gpu-measure.js';
import { deviceName } from '../gpu/gpu-name.js';
import { type Peer, transformersSpeed } from '../gpu/gpu-peer.js';
import { halfPeak } from '../gpu/peak.js';

const results = fileURLToPath(new URL('../../results', import.meta.url));

export interface GpuOptions {
  readonly load?: Load;
  /** Default: enough for four layers in fp16 and their activations. */
  readonly gpuMemory?: number;
  /** Rows of the square matrices that tell what the device can do. */
  readonly peakSize?: number;
  /** Default: the fastest that starts. */
  readonly device?: Device;
}

const usualLoad: Load = { sequences: 16, length: 1024, promptLength: 16, newTokens: 64 };

/**
 * Everything a GPU does for us, in fp16, against the fp16 products it could compute meanwhile, and beside
 * transformers where Python has it. Writes a table under `results`, named after the device.
 */
export async function gpuSuite(
  models: Readonly<Record<string, () => Promise<string>>>,
  { load = usualLoad, gpuMemory = 24e9, peakSize = 4096, ...options }: GpuOptions = {},
): Promise<void> {
  const device = options.device ?? (await startDevice('auto'));
  if (device === 'cpu') {
    console.log('gpu: no device here is faster than the processor; see moepress doctor');
    return;
  }
  const name = await deviceName(device);
  const peak = await halfPeak(device, peakSize);
  const tables: string[] = [];
  for (const [title, directory] of Object.entries(models)) {
    const model = await openModel(await directory());
    const ours = await measureGpu(device, model, load, gpuMemory);
    const peer = await transformersSpeed(model.source.directory, load);
    const heading = `## ${title}'s shapes, ${model.blocks.length} layers`;
    tables.push([heading, '', ...table(model, { load, peak, ours, peer })].join('\n'));
    console.log(tables.at(-1));
  }
  const title = `# ${name}`;
  const about = `moepress on ${device}, fp16; a chain of fp16 products keeps up ${gflops(peak)}. ${load.sequences} sequences of ${load.length} tokens; ${load.newTokens} new tokens for prompts of ${load.promptLength}.`;
  await mkdir(results, { recursive: true });
  const file = join(results, `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}.md`);
  await writeFile(file, `${[title, '', about, '', tables.join('\n\n')].join('\n')}\n`);
  console.log(`written to ${file}`);
}

interface GpuFigures {
  readonly load: Load;
  /** FLOP/s of products in half precision. */
  readonly peak: number;
  readonly ours: GpuSpeed;
  readonly peer: Peer;
}

function table(model: Model, { load, peak, ours, peer }: GpuFigures): string[] {
  const forward = forwardFlops(model, load.length);
  const head = headFlops(model);
  const flops: Record<keyof GpuSpeed, number> = {
    prefill: forward + head,
    decode: forwardFlops(model, load.promptLength + load.newTokens) + head,
    calibration: forward,
    backward: 3 * forward + 2 * head,
  };
  const rows = (Object.keys(flops) as (keyof GpuSpeed)[]).map((what) => {
    const share = ((ours[what] * flops[what]) / peak).toFixed(3);
    const theirs = 'missing' in peer ? undefined : peer[what];
    const ratio = theirs === undefined ? '' : (ours[what] / theirs).toFixed(2);
    return `| ${what} | ${ours[what].toFixed(0)} | ${share} | ${theirs?.toFixed(0) ?? ''} | ${ratio} |`;
  });
  return [
    '| | tokens/s | of the products | transformers, tokens/s | times as fast |',
    '|---|---:|---:|---:|---:|',
    ...rows,
    ...('missing' in peer ? ['', `Without transformers: ${peer.missing}`] : []),
  ];
}
