import { arrayEntry, type FileOutput, type TensorEntry, writeSafetensors } from '@moepress/checkpoint';
import { MoepressError, parseJson } from '@moepress/core';
import {
  type DeviceOptions,
  ModelRunner,
  negativeLogLikelihoods,
  type Residency,
  type TensorData,
  type Trace,
} from '@moepress/runtime';
import { claimFile, withOutput } from '../../src/files/output.js';
import { readText } from '../../src/files/text-file.js';
import { openView } from '../../src/models/open-model.js';
import type { Context } from '../context.js';

export interface TraceOptions extends DeviceOptions {
  readonly ids: string;
  readonly out: string;
  readonly plan?: string;
  readonly residency: Residency;
  readonly threads?: number;
  readonly revision?: string;
  readonly force?: boolean;
}

/** `moepress trace <model>`: everything a forward pass computes, as a safetensors file. */
export async function trace(id: string, options: TraceOptions, context: Context): Promise<void> {
  const ids = await parseIds(options.ids);
  const taking = claimFile(options.out, 'trace', { ...context.work, force: options.force });
  await withOutput(taking, (output) => traceInto(output!, id, ids, options, context));
}

async function traceInto(
  output: FileOutput,
  id: string,
  ids: readonly number[],
  options: TraceOptions,
  context: Context,
): Promise<void> {
  const model = await openView(id, { ...options, ...context.work });
  const runner = await ModelRunner.open(model, { ...options, ...context.work });
  try {
    const [result] = await runner.trace([ids], context.work);
    const entries = traceEntries(result!, ids);
    await writeSafetensors(output.path, entries, context.work);
    await output.commit();
    const shapes = Object.fromEntries(entries.map(({ name, shape }) => [name, shape]));
    const lines = Object.entries(shapes).map(([name, shape]) => `  ${name} [${shape.join(', ')}]`);
    context.print(`Wrote ${options.out}\n${lines.join('\n')}`, { out: options.out, tensors: shapes });
  } finally {
    await runner.dispose();
  }
}

/** A JSON array of token ids, on the command line or in a file. */
async function parseIds(given: string): Promise<number[]> {
  const text = given.trimStart().startsWith('[') ? given : await readText(given, 'INPUT_INVALID');
  let ids: unknown;
  try {
    ids = parseJson(text);
  } catch {
    // Told below.
  }
  const valid = Array.isArray(ids) && ids.length > 0 && ids.every((id) => Number.isInteger(id) && id >= 0);
  if (valid) return ids as number[];
  throw new MoepressError('INPUT_INVALID', {
    message: 'Token ids must be a JSON array of at least one non-negative integer.',
    where: '--ids',
    hint: 'For example --ids "[1, 2, 3]", or --ids ids.json.',
  });
}

function traceEntries({ logits, hidden, routing }: Trace, ids: readonly number[]): TensorEntry[] {
  const nll = Float32Array.from(negativeLogLikelihoods(logits, ids));
  const layers = (pick: (layer: Trace['routing'][number]) => TensorData) => stack(routing.map(pick));
  const tensors: Record<string, Stacked> = {
    logits: stack([logits], false),
    hidden: stack(hidden),
    nll: { shape: [nll.length], data: nll },
    ...(routing.length > 0 && {
      router_logits: layers((layer) => layer.routerLogits),
      topk_idx: layers((layer) => layer.selected),
      topk_weight: layers((layer) => layer.weights),
    }),
  };
  return Object.entries(tensors).map(([name, { shape, data }]) =>
    arrayEntry(name, data instanceof Int32Array ? 'I32' : 'F32', shape, data),
  );
}

interface Stacked {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/** Tensors of one shape along a new first axis, or the only one as it is. */
function stack(tensors: readonly TensorData[], newAxis = true): Stacked {
  const [first] = tensors;
  const size = first!.data.length;
  const data = new (first!.data.constructor as Float32ArrayConstructor)(size * tensors.length);
  for (const [i, tensor] of tensors.entries()) data.set(tensor.data as Float32Array, i * size);
  return { shape: newAxis ? [tensors.length, ...first!.dims] : first!.dims, data };
}
