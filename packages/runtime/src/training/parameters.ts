import {
  type AdamW,
  describe,
  elementCount,
  type Model,
  MoepressError,
  parameter,
  type TensorExpr,
  tensorsByPath,
  withTensors,
  zeros,
} from '@moepress/core';
import { GraphBuilder, weight } from '@moepress/graph';
import { gradientOf } from '../decoder/parameter.js';
import type { AdamWStep } from '../engine/adamw.js';
import type { FileTensor } from '../engine/protocol.js';
import { tensor } from '../engine/tensor.js';
import type { EngineWorker } from '../engine/worker.js';

/** Numbers converted to fp32 at once: 256 MiB. */
const chunkBudget = 2 ** 26;

/** What can learn: a tensor of a type that what was learned can be rounded to. */
export type Learnable = TensorExpr & { readonly dtype: 'F32' | 'F16' | 'BF16' };

const isLearnable = (tensor: TensorExpr): tensor is Learnable =>
  ['F32', 'F16', 'BF16'].includes(tensor.dtype);

/** The tensors that learn. A worker holds them under their paths, and beside them what AdamW remembers. */
export class Parameters {
  /** As they are in the model, in its order. */
  readonly tensors: ReadonlyMap<string, Learnable>;
  /** The model with parameters in their places. */
  readonly view: Model;
  readonly #worker: EngineWorker;

  /** Throws `PLAN_INVALID` for a path that does not exist, `TENSOR_DTYPE` for a tensor of no float type. */
  constructor(worker: EngineWorker, model: Model, paths: readonly string[]) {
    const all = tensorsByPath(model);
    const wanted = new Set(paths);
    this.#worker = worker;
    this.view = withTensors(
      model,
      new Map([...wanted].map((path) => [path, parameter(path, all.get(path) ?? zeros('F32', []))])),
    );
    const own = [...all].filter(([path]) => wanted.has(path));
    this.tensors = new Map(
      own.map(([path, tensor]): [string, Learnable] => {
        if (isLearnable(tensor)) return [path, tensor];
        throw new MoepressError('TENSOR_DTYPE', {
          message: `${describe(tensor)} cannot learn.`,
          where: path,
        });
      }),
    );
  }

  /** Holds them as the model has them, and nothing remembered. */
  async begin(): Promise<void> {
    const session = 'parameters';
    for (const chunk of chunks(this.tensors)) {
      const graph = new GraphBuilder(session);
      for (const [path, tensor] of chunk) graph.output(path, weight(graph, tensor));
      await this.#worker.open(session, graph.finish());
      const hold = Object.fromEntries(chunk.map(([path]) => [path, path]));
      await this.#worker.run([{ session, feeds: {}, hold }]).finally(() => this.#worker.close(session));
    }
    for (const { name, dims } of this.#remembered) {
      await this.#worker.put(name, tensor('float32', dims, new Float32Array(dims[0]!)));
    }
  }

  /** Length of all gradients together, as added up so far. */
  async gradientNorm(): Promise<number> {
    return Math.sqrt(await this.#worker.sumOfSquares([...this.tensors.keys()].map(gradientOf)));
  }

  /** Moves them by what has been added up of their gradients, which is forgotten. Vectors do not decay. */
  async learn({ weightDecay }: AdamW, step: AdamWStep): Promise<void> {
    const learning = [...this.tensors].map(([path, { shape }]) => ({
      parameter: path,
      gradient: gradientOf(path),
      mean: meanOf(path),
      variance: varianceOf(path),
      weightDecay: shape.length > 1 ? weightDecay : 0,
    }));
    await this.#worker.learn(learning, step);
    await this.#worker.drop(learning.map(({ gradient }) => gradient));
  }

  /** All that a later run needs to go on from here, as tensors of one file. */
  get state(): FileTensor[] {
    return [...this.values, ...this.#remembered];
  }

  /** The same of the values alone. */
  get values(): FileTensor[] {
    return [...this.tensors].map(([name, { shape }]) => ({ name, dims: shape }));
  }

  get #remembered(): FileTensor[] {
    return [...this.tensors].flatMap(([path, { shape }]) =>
      [meanOf(path), varianceOf(path)].map((name) => ({ name, dims: [elementCount(shape)] })),
    );
  }
}

const meanOf = (path: string): string => `${path}/mean`;
const varianceOf = (path: string): string => `${path}/variance`;

/** How many numbers are converted to fp32 at once. */
export const chunkSizes = (tensors: ReadonlyMap<string, TensorExpr>): number[] =>
  [...chunks(tensors)].map((chunk) => chunk.reduce((sum, [, { shape }]) => sum + elementCount(shape), 0));

/** Tensors in groups that are not too large to be converted together. */
function* chunks(tensors: ReadonlyMap<string, TensorExpr>): Generator<[string, TensorExpr][]> {
  let chunk: [string, TensorExpr][] = [];
  let size = 0;
  for (const entry of tensors) {
    const count = elementCount(entry[1].shape);
    if (chunk.length > 0 && size + count > chunkBudget) {
      yield chunk;
      [chunk, size] = [[], 0];
    }
    chunk.push(entry);
    size += count;
  }
  if (chunk.length > 0) yield chunk;
}
