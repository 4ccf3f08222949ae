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
import type { FileTensor, Learning, TensorHandle } from '../engine/handles.js';
import { tensor } from '../engine/protocol.js';
import type { EngineScope } from '../engine/scope.js';

/** Numbers converted to fp32 at once: 256 MiB. */
const chunkBudget = 2 ** 26;

/** The tensors that can be trained: those of a type that a trained tensor can be rounded to. */
export type Learnable = TensorExpr & { readonly dtype: 'F32' | 'F16' | 'BF16' };

const isLearnable = (tensor: TensorExpr): tensor is Learnable =>
  ['F32', 'F16', 'BF16'].includes(tensor.dtype);

/** A trained tensor in a worker, with its gradient and the moments of AdamW. */
type Learner = Readonly<Record<'parameter' | 'gradient' | 'mean' | 'variance', TensorHandle>>;

/** The tensors that learn, in the one worker of a scope. */
export class Parameters {
  /** Parameters in the order of the model. */
  readonly tensors: ReadonlyMap<string, Learnable>;
  /** The model with parameters in their places. */
  readonly view: Model;
  /** Their values by the names of the inputs that graphs have for them. */
  readonly feeds: Readonly<Record<string, TensorHandle>>;
  readonly #scope: EngineScope;
  readonly #learners: ReadonlyMap<string, Learner>;

  /** Throws `PLAN_INVALID` for a path that does not exist, `TENSOR_DTYPE` for a tensor of no float type. */
  constructor(scope: EngineScope, model: Model, paths: readonly string[]) {
    const all = tensorsByPath(model);
    const wanted = new Set(paths);
    this.#scope = scope;
    this.view = withTensors(
      model,
      new Map([...wanted].map((path) => [path, parameter(path, all.get(path) ?? zeros('F32', []))])),
    );
    const own = [...all].filter(([path]) => wanted.has(path));
    this.tensors = new Map(
      own.map(([path, tensor]): [string, Learnable] => {
        if (isLearnable(tensor)) return [path, tensor];
        throw new MoepressError('TENSOR_DTYPE', {
          message: `${describe(tensor)} cannot be trained.`,
          where: path,
        });
      }),
    );
    const handle = (name: string) => scope.tensor(scope.workers[0]!, name);
    const learnerOf = (path: string): Learner => ({
      ...{ parameter: handle(path), gradient: handle(gradientOf(path)) },
      ...{ mean: handle(`${path}/mean`), variance: handle(`${path}/variance`) },
    });
    this.#learners = new Map([...this.tensors.keys()].map((path) => [path, learnerOf(path)]));
    const values = [...this.#learners].map(([path, { parameter }]) => [path, parameter]);
    this.feeds = Object.fromEntries(values);
  }

  /** Sets them as the model has them, and nothing remembered. */
  async begin(): Promise<void> {
    for (const chunk of chunks(this.tensors)) {
      const graph = new GraphBuilder('parameters');
      for (const [path, tensor] of chunk) graph.output(path, weight(graph, tensor));
      const keep = Object.fromEntries(chunk.map(([path]) => [path, this.feeds[path]!]));
      await this.#scope.with(graph.finish(), async (session) => {
        await this.#worker.run([{ session, feeds: {}, keep }]);
      });
    }
    for (const { tensor: handle, dims } of this.#remembered) {
      await handle.put(tensor('float32', dims, new Float32Array(dims[0]!)));
    }
  }

  /** Where the gradients are added up that a graph yields under the names `gradientOf` gives them. */
  gradientsIn(outputs: readonly string[]): Readonly<Record<string, TensorHandle>> {
    const own = new Map([...this.#learners.values()].map(({ gradient }) => [gradient.name, gradient]));
    return Object.fromEntries(outputs.filter((name) => own.has(name)).map((name) => [name, own.get(name)!]));
  }

  /** Where the gradient of a parameter is added up. */
  gradient(path: string): TensorHandle {
    return this.#learners.get(path)!.gradient;
  }

  /** Length of all gradients together, as added up so far. */
  async gradientNorm(): Promise<number> {
    return Math.sqrt(await this.#worker.sumOfSquares(this.#gradients));
  }

  /** Moves them by what has been added up of their gradients, which is forgotten. Vectors do not decay. */
  async learn({ weightDecay }: AdamW, step: AdamWStep): Promise<void> {
    const learning = [...this.tensors].map(
      ([path, { shape }]): Learning => ({
        ...this.#learners.get(path)!,
        weightDecay: shape.length > 1 ? weightDecay : 0,
      }),
    );
    await this.#worker.learn(learning, step);
    await this.forgetGradients();
  }

  /** Empties what has been added up of the gradients. */
  async forgetGradients(): Promise<void> {
    await this.#worker.free(this.#gradients);
  }

  /** Everything that a later run needs to continue from here, as tensors of one file. */
  get state(): FileTensor[] {
    return [...this.values, ...this.#remembered];
  }

  /** The same of the values alone. */
  get values(): FileTensor[] {
    return [...this.tensors].map(([path, { shape }]) => ({ tensor: this.feeds[path]!, dims: shape }));
  }

  /** Writes tensors of them to a file. Throws `DISK_FULL` or `WRITE_FAILED`. */
  async save(tensors: readonly FileTensor[], file: string): Promise<void> {
    await this.#worker.save(
      tensors.map(({ tensor }) => tensor),
      file,
    );
  }

  /** Reads what `save` wrote of the same tensors. Throws `CHECKPOINT_INVALID` if the file is not what it wrote. */
  async load(tensors: readonly FileTensor[], file: string): Promise<void> {
    await this.#worker.load(tensors, file);
  }

  get #worker() {
    return this.#scope.workers[0]!;
  }

  get #gradients(): TensorHandle[] {
    return [...this.#learners.values()].map(({ gradient }) => gradient);
  }

  get #remembered(): FileTensor[] {
    return [...this.tensors].flatMap(([path, { shape }]) => {
      const { mean, variance } = this.#learners.get(path)!;
      return [mean, variance].map((tensor) => ({ tensor, dims: [elementCount(shape)] }));
    });
  }
}

/** The number of values that are converted to fp32 at once. */
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
