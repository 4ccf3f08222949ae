import type { CarriedTensor, GraphIR } from '@moepress/graph';

/** Bytes of one file of weights: a browser has no buffer of 2 GiB. */
const mostFileBytes = 2_000_000_000;

/** Offsets that suit every element type, and pages of memory for tensors that are large beside one. */
const [alignment, page] = [64, 4096];
const largeBytes = 16 * page;

/** A tensor in a file of weights. */
export interface PlacedTensor {
  readonly tensor: CarriedTensor;
  readonly offset: number;
}

/** A file of weights beside a graph, its tensors in the order of their offsets. */
export interface DataFile {
  readonly name: string;
  readonly tensors: readonly PlacedTensor[];
  readonly bytes: number;
}

/**
 * Lays out the tensors that a graph brings along in files `<name>_data`, `<name>_data_1` and so on, as transformers.js looks for
 * them beside the graph `name`, and yields the graph with its tensors at their places. A file has at most `fileBytes` bytes, unless
 * one tensor alone is larger.
 */
export function placeTensors(
  graph: GraphIR,
  name: string,
  fileBytes: number = mostFileBytes,
): { readonly graph: GraphIR; readonly files: readonly DataFile[] } {
  const files: { name: string; tensors: PlacedTensor[]; bytes: number }[] = [];
  const initializers = graph.initializers.map((initializer) => {
    const tensor = graph.carried?.get(initializer.name);
    if (!tensor) return initializer;
    const { bytes: length } = tensor;
    const start = startIn(files.at(-1), length);
    if (files.length === 0 || start + length > fileBytes)
      files.push({
        name: `${name}_data${files.length === 0 ? '' : `_${files.length}`}`,
        tensors: [],
        bytes: 0,
      });
    const file = files.at(-1)!;
    const offset = startIn(file, length);
    file.tensors.push({ tensor, offset });
    file.bytes = offset + length;
    return { ...initializer, data: { file: file.name, offset, length } };
  });
  return { graph: { ...graph, initializers }, files };
}

function startIn(file: { readonly bytes: number } | undefined, length: number): number {
  const unit = length < largeBytes ? alignment : page;
  return Math.ceil((file?.bytes ?? 0) / unit) * unit;
}
