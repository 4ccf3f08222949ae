import { runsProducts } from '@moepress/checkpoint/web-assembly';
import {
  attentionTensors,
  type Block,
  blockTensors,
  headTensors,
  isRecurrent,
  type Mlp,
  type Model,
  mlpTensors,
  routerTensors,
} from '@moepress/core/model';
import type { TensorExpr } from '@moepress/core/tensor';
import { heldBytes, readableOf } from './formats.js';
import { productModule } from './products.js';
import { sharesOf } from './team.js';

const isMatrix = ({ shape }: TensorExpr): boolean => shape.length === 2;

/** The matrices of a block that all tokens meet. */
function commonMatrices({ attention, ffn }: Block): TensorExpr[] {
  const own = attentionTensors({ attention } as Block);
  if (ffn.kind === 'moe') own.push(...routerTensors(ffn.router));
  if (ffn.kind === 'dense') own.push(...mlpTensors(ffn.mlp));
  if (ffn.kind === 'moe' && ffn.latent) own.push(ffn.latent.down.weight, ffn.latent.up.weight);
  if (ffn.shared) own.push(...mlpTensors(ffn.shared.mlp), ...(ffn.shared.gate ? [ffn.shared.gate] : []));
  return own.filter(isMatrix);
}

/** The matrices that all tokens meet. */
export const commonMatricesOf = ({ blocks, head }: Model): TensorExpr[] => [
  head,
  ...blocks.flatMap(commonMatrices),
];

const expertsOf = (block: Block): readonly Mlp[] => (block.ffn.kind === 'moe' ? block.ffn.pool : []);

const matricesIn = (mlp: Mlp): TensorExpr[] => mlpTensors(mlp).filter(isMatrix);

/** All matrices that a token may be multiplied with. */
export const matricesOf = ({ blocks, head }: Model): TensorExpr[] => [
  head,
  ...blocks.flatMap((block) => [...commonMatrices(block), ...expertsOf(block).flatMap(matricesIn)]),
];

/** Bytes of a model's weights as threads hold them, in all threads together. */
export interface FewWeights {
  /** Of what all tokens meet. */
  readonly common: number;
  /** Of all experts, and of the largest one. */
  readonly experts: number;
  readonly largest: number;
  /** Experts that one token may meet, in all blocks, and how many there are. */
  readonly chosen: number;
  readonly count: number;
  /** Whether some are four-bit codes, which are multiplied row by row. */
  readonly rowByRow: boolean;
}

const weighed = new WeakMap<Model, Map<number, FewWeights>>();

/** Of a team of so many threads. Computed once: a plan asks many times, and a model has tens of thousands of matrices. */
export function fewWeights(model: Model, workers: number): FewWeights {
  const known = weighed.get(model) ?? new Map<number, FewWeights>();
  weighed.set(model, known);
  const weights = known.get(workers) ?? weigh(model, workers);
  known.set(workers, weights);
  return weights;
}

function weigh(model: Model, workers: number): FewWeights {
  const shares = sharesOf(workers);
  let rowByRow = false;
  const bytesOf = (exprs: readonly TensorExpr[]): number =>
    exprs.reduce((sum, expr) => {
      const [rows, columns] = expr.shape as [number, number];
      const readable = readableOf(expr)!;
      rowByRow ||= readable.format === 'mxfp4';
      const parts = shares.map((share) => {
        const { from, to } = share(rows);
        return heldBytes(readable, to - from, columns).all;
      });
      return parts.reduce((all, bytes) => all + bytes, sum);
    }, 0);
  const experts = model.blocks.flatMap((block) => expertsOf(block).map((mlp) => bytesOf(matricesIn(mlp))));
  const chosen = model.blocks.reduce(
    (sum, { ffn }) => sum + (ffn.kind === 'moe' ? Math.min(ffn.pool.length, ffn.router.topK) : 0),
    0,
  );
  const common = bytesOf(commonMatricesOf(model));
  return {
    common,
    experts: experts.reduce((sum, bytes) => sum + bytes, 0),
    largest: experts.reduce((most, bytes) => Math.max(most, bytes), 0),
    ...{ chosen, count: experts.length, rowByRow },
  };
}

/** Why a model is not continued by the module of products, as a sentence; null: it can be. */
export function whyNotFew(model: Model): string | null {
  if (!hasVectors()) return 'This process has no vectors of WebAssembly, or memory that threads share.';
  const recurrent = model.blocks.find(isRecurrent);
  if (recurrent) return `Layer ${recurrent.index} has ${recurrent.attention.kind} in the place of attention.`;
  const indexed = model.blocks.find(({ attention }) => attention.kind === 'mla' && attention.indexer);
  if (indexed) return `Layer ${indexed.index} has an indexer.`;
  const all = [model.embed, ...headTensors(model), ...model.blocks.flatMap(blockTensors)];
  const unread = all.find((expr) => !readableOf(expr));
  return unread ? `A tensor of ${unread.dtype} is computed when it is used (${unread.kind}).` : null;
}

let known: boolean | undefined;

const hasVectors = (): boolean => {
  known ??= runsProducts(productModule());
  return known;
};
