import {
  concat,
  ggml,
  isGgmlBlockType,
  MoepressError,
  rows,
  type StoredTensor,
  slab,
  type TensorExpr,
  transpose,
} from '@moepress/core';
import {
  type ArchitectureManifest,
  biasName,
  type LatentNames,
  type MlpNames,
  tensorName,
} from '../../architectures/manifest.js';
import type { GgufTensor } from '../gguf-header.js';
import type { GgufFile } from '../read-gguf.js';
import { ropeFactorsName } from './rope-factors.js';

const plainTypes = { f32: 'F32', f16: 'F16', bf16: 'BF16' } as const;

/** The bytes of a tensor: numbers, or rows of blocks as bytes. */
function storedOf({ name, type, shape, offset, length }: GgufTensor, file: string): StoredTensor {
  const common = { kind: 'stored', name, file, offset, length } as const;
  if (Object.hasOwn(plainTypes, type.name))
    return { ...common, dtype: plainTypes[type.name as keyof typeof plainTypes], shape };
  const columns = shape.at(-1) ?? 1;
  return { ...common, dtype: 'U8', shape: [...shape.slice(0, -1), (columns / type.block) * type.bytes] };
}

/** The tensors of a file under the names of its family, and all of them as they are stored. */
export interface GgufTensors {
  readonly named: ReadonlyMap<string, TensorExpr>;
  readonly stored: ReadonlyMap<string, StoredTensor>;
}

export interface GgufNaming {
  readonly manifest: ArchitectureManifest;
  readonly layers: number;
  readonly headDim: number;
  /** Whether rows of queries and keys stand in pairs of neighbours, and the family has halves. */
  readonly isPaired: boolean;
}

/** Gives the tensors of files names. What has no place in the family keeps none. */
export function nameGgufTensors(files: readonly GgufFile[], naming: GgufNaming): GgufTensors {
  const found = new Map<string, { readonly tensor: GgufTensor; readonly stored: StoredTensor }>();
  for (const { tensors, path } of files)
    for (const tensor of tensors.values()) {
      // It is no weight, and config.json tells of it.
      if (tensor.name === ropeFactorsName) continue;
      found.set(tensor.name, { tensor, stored: storedOf(tensor, path) });
    }
  const named = new Map<string, TensorExpr>();
  const take = (from: string, to: string, change: (expr: TensorExpr) => TensorExpr = (expr) => expr) => {
    const source = found.get(from);
    if (source) named.set(to, change(matrixOf(source.stored, source.tensor)));
  };
  const { embed, finalNorm, head } = naming.manifest.tensors;
  take('token_embd.weight', embed);
  take('output_norm.weight', finalNorm);
  take('output.weight', head);
  for (let layer = 0; layer < naming.layers; layer++) {
    nameLayer(layer, naming, take);
    nameExperts(layer, naming, (name) => found.get(name), named);
    joinHeads(layer, naming, (name) => found.get(name), named);
  }
  return { named, stored: new Map([...found].map(([name, { stored }]) => [name, stored])) };
}

function matrixOf(stored: StoredTensor, { type }: GgufTensor): TensorExpr {
  if (!isGgmlBlockType(type.name) || stored.shape.length !== 2) return stored;
  return ggml(type.name, stored);
}

type Take = (from: string, to: string, change?: (expr: TensorExpr) => TensorExpr) => void;

function nameLayer(layer: number, { manifest, headDim, isPaired }: GgufNaming, take: Take): void {
  const names = manifest.tensors;
  const at = (template: string) => tensorName(template, { layer });
  const stem = `blk.${layer}`;
  const linear = (from: string, to: string, change?: (expr: TensorExpr) => TensorExpr) => {
    take(`${stem}.${from}.weight`, at(`${to}.weight`), change);
    take(`${stem}.${from}.bias`, at(`${to}.bias`), change);
  };
  const apart = isPaired ? (expr: TensorExpr) => inHalves(expr, headDim) : undefined;
  take(`${stem}.attn_norm.weight`, at(names.attentionNorm));
  take(`${stem}.ffn_norm.weight`, at(names.ffnNorm));
  take(`${stem}.post_attention_norm.weight`, at(names.ffnNorm));
  linear('attn_q', names.query, apart);
  linear('attn_k', names.key, apart);
  linear('attn_v', names.value);
  take(`${stem}.attn_sinks.weight`, at(names.sinks));
  nameLatent(names.latent, { linear, take: (from, to) => take(`${stem}.${from}.weight`, at(to)) });
  linear('attn_output', names.output);
  take(`${stem}.attn_q_norm.weight`, at(names.queryNorm));
  take(`${stem}.attn_k_norm.weight`, at(names.keyNorm));
  linear('ffn_gate_inp', names.router);
  take(`${stem}.exp_probs_b.bias`, at(names.selectionBias));
  take(`${stem}.ffn_gate_inp_shexp.weight`, at(names.sharedGate), asRow);
  for (const [suffix, own] of [
    ['', names.dense],
    ['_shexp', names.shared],
  ] as const) {
    if ('gateUp' in own) continue;
    for (const part of ['gate', 'up', 'down'] as const)
      if (own[part] !== null) take(`${stem}.ffn_${part}${suffix}.weight`, at(own[part]));
  }
}

/** Latent attention, but for what makes keys and values of the latent where that is stored by head. */
function nameLatent(
  names: LatentNames,
  { linear, take }: { linear: (from: string, to: string) => void; take: (from: string, to: string) => void },
): void {
  linear('attn_q_a', names.queryDown);
  linear('attn_q_b', names.queryUp);
  linear('attn_kv_a_mqa', names.keyValueDown);
  linear('attn_kv_b', names.keyValueUp);
  take('attn_q_a_norm', names.queryDownNorm);
  take('attn_kv_a_norm', names.keyValueDownNorm);
}

/** What makes keys and values of the latent, where files have that of the keys of each head transposed. */
function joinHeads(
  layer: number,
  { manifest }: GgufNaming,
  find: Find,
  named: Map<string, TensorExpr>,
): void {
  const [keys, values] = ['attn_k_b', 'attn_v_b'].map((part) => find(`blk.${layer}.${part}.weight`));
  const heads = keys?.tensor.shape[0] ?? 0;
  if (!keys || !values || values.tensor.shape[0] !== heads || heads > mostExperts) return;
  if (keys.tensor.shape.length !== 3 || values.tensor.shape.length !== 3) return;
  if (keys.tensor.shape[1] !== values.tensor.shape[2]) return;
  const parts = Array.from({ length: heads }, (_, head) => [
    transpose(matrixOf(slab(keys.stored, head), keys.tensor)),
    matrixOf(slab(values.stored, head), values.tensor),
  ]).flat();
  if (new Set(parts.map(({ dtype }) => dtype)).size !== 1) {
    throw new MoepressError('TENSOR_DTYPE', {
      message: `${keys.tensor.name} is ${keys.tensor.type.name} and ${values.tensor.name} ${values.tensor.type.name}, which are not read as one matrix.`,
      where: keys.stored.file,
      hint: 'Use a file that has both in blocks, or the repository that it was made from.',
    });
  }
  named.set(tensorName(`${manifest.tensors.latent.keyValueUp}.weight`, { layer }), concat(parts, 0));
}

type Find = (name: string) => { readonly tensor: GgufTensor; readonly stored: StoredTensor } | undefined;

/** Experts of a layer: published models have some hundred. */
const mostExperts = 65_536;

/** Rows of a projection: those of published models have some ten thousand. */
const mostRows = 2 ** 22;

/** Stacked experts, one by one. */
function nameExperts(
  layer: number,
  { manifest }: GgufNaming,
  find: Find,
  named: Map<string, TensorExpr>,
): void {
  const { experts } = manifest.tensors;
  const own: MlpNames = experts.separate ?? experts.ownWidth;
  for (const part of ['gate', 'up', 'down'] as const) {
    const template = own[part];
    if (template === null) continue;
    for (const [kind, name] of [
      ['weight', template],
      ['bias', biasName(template)],
    ] as const) {
      const source = find(`blk.${layer}.ffn_${part}_exps.${kind}`);
      const count = Math.min(source?.tensor.shape[0] ?? 0, mostExperts);
      for (let expert = 0; source && expert < count; expert++) {
        const one = slab(source.stored, expert);
        named.set(tensorName(name, { layer, expert }), matrixOf(one, source.tensor));
      }
    }
  }
}

/** Rows of heads in pairs of neighbours, with those of the first halves of pairs first. */
function inHalves(of: TensorExpr, headDim: number): TensorExpr {
  const half = headDim / 2;
  const count = of.shape[0]!;
  if (count % headDim !== 0 || !Number.isInteger(half) || count > mostRows) return of;
  return rows(
    of,
    Array.from({ length: count }, (_, row) => {
      const within = row % headDim;
      return row - within + 2 * (within % half) + Math.floor(within / half);
    }),
  );
}

/** A vector as a matrix of one row. */
const asRow = (of: TensorExpr): TensorExpr =>
  of.kind === 'stored' && of.shape.length === 1 ? { ...of, shape: [1, of.shape[0]!] } : of;
