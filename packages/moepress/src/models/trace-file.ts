import { arrayEntry, type TensorEntry, writeSafetensors } from '@moepress/checkpoint';
import type { Work } from '@moepress/core';
import { negativeLogLikelihoods, type TensorData, type Trace } from '@moepress/runtime';

/**
 * Writes all that a forward pass of the sequence `ids` computed as a safetensors file, and gives the tensors' shapes.
 * Throws `DISK_FULL`, `WRITE_FAILED` and `ABORTED`.
 */
export async function writeTrace(
  path: string,
  trace: Trace,
  ids: readonly number[],
  work: Work,
): Promise<Record<string, readonly number[]>> {
  const entries = traceEntries(trace, ids);
  await writeSafetensors(path, entries, work);
  return Object.fromEntries(entries.map(({ name, shape }) => [name, shape]));
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
