import {
  type ArchitectureManifest,
  decodeFloat32,
  holds,
  mlpNames,
  type NamedSingle,
  type NamedTensor,
  weightFormats,
} from '@moepress/checkpoint';
import { type BlockScaledExpr, type Model, MoepressError, throwIfAborted } from '@moepress/core';
import { hasGlobalScales, type QuantiseChoice, quantisedBy, schemeFor } from './quantise-scheme.js';
import { quantisedStacks } from './quantise-stacks.js';
import { plainEntries, type StoredWeights } from './quantised.js';

/** Weights that are quantised as they are written. */
export interface QuantisedWeights extends StoredWeights {
  /** `quantization_config`, given further modules that stay plain. */
  config(carried: readonly string[]): Record<string, unknown>;
}

export interface QuantiseRequest {
  readonly choice: QuantiseChoice;
  readonly model: Model;
  readonly manifest: ArchitectureManifest;
  readonly signal?: AbortSignal | undefined;
}

/**
 * How `tensors` are stored when those of experts, shared experts, dense FFNs and the projections of queries, keys, values
 * and attention's output are quantised; routers, embeddings, head, norms and all else stay as they are. Reads the weights
 * where the format has scales for whole tensors. Throws `CONFIG_UNSUPPORTED` for families that store all experts of a
 * layer in one tensor, which engines do not look for by the names of single ones (but for gpt-oss in MXFP4, its own format), and for weights that do not go into the
 * blocks of the format.
 */
export async function quantiseWeights(
  tensors: readonly NamedTensor[],
  { signal, ...request }: QuantiseRequest,
): Promise<QuantisedWeights> {
  const largest = new Map<NamedTensor, number>();
  if (hasGlobalScales(request.choice)) {
    for (const tensor of linearWeights(tensors, request.manifest)) {
      throwIfAborted(signal);
      largest.set(tensor, await largestIn(tensor));
    }
  }
  return outlineQuantised(tensors, request, largest);
}

const linearWeights = (tensors: readonly NamedTensor[], manifest: ArchitectureManifest): NamedSingle[] => {
  const isLinear = linearNames(manifest);
  return tensors.filter((tensor): tensor is NamedSingle => tensor.kind === 'single' && isLinear(tensor.name));
};

/** The same without reading anything, which is enough to know the sizes. Throws `CONFIG_UNSUPPORTED` as above. */
export function outlineQuantised(
  tensors: readonly NamedTensor[],
  { choice, model, manifest }: QuantiseRequest,
  largest: ReadonlyMap<NamedTensor, number> = new Map(),
): QuantisedWeights {
  const chosen = linearWeights(tensors, manifest);
  const stacked = choice === 'mxfp4' && manifest.modelType === 'gpt_oss' ? quantisedStacks(tensors) : null;
  if (stacked) return stacked;
  const odd = tensors.find(({ kind }) => kind !== 'single');
  if (odd) throw refused(`${odd.name} holds all experts of a layer, which ${choice} has no names for`, model);
  const scheme = schemeFor(
    choice,
    chosen.map(({ of }) => of.shape),
  );
  const made = new Map<NamedTensor, BlockScaledExpr>();
  for (const tensor of chosen) {
    const quantised = quantisedBy(scheme, tensor.name, tensor.of, largest.get(tensor) ?? 0);
    if (!holds(weightFormats[scheme.format], quantised)) {
      const size = weightFormats[scheme.format].steps(quantised)[1];
      throw refused(
        `${tensor.name} is [${tensor.of.shape}], which does not go into groups of ${size} for ${choice}`,
        model,
      );
    }
    made.set(tensor, quantised);
  }
  const plain = tensors
    .filter((tensor) => !made.has(tensor) && isModule(tensor))
    .map(({ name }) => moduleOf(name));
  return {
    quantised: true,
    requantised: [],
    entriesOf: (tensor) => {
      const of = made.get(tensor);
      return of ? weightFormats[scheme.format].entries(moduleOf(tensor.name), of) : plainEntries(tensor);
    },
    config: (carried) => scheme.config([...plain, ...carried]),
  };
}

/** The name of the module whose weight it is. */
export const moduleOf = (name: string): string => name.replace(/\.weight$/, '');

const isModule = (tensor: NamedTensor): boolean =>
  tensor.kind === 'single' && tensor.name.endsWith('.weight') && tensor.of.shape.length === 2;

/** Whether a name is that of a weight that is quantised. */
function linearNames({ tensors, attention }: ArchitectureManifest): (name: string) => boolean {
  const { experts, dense, shared, query, key, value, output } = tensors;
  const own = experts.separate ?? (experts.separate === null ? experts.ownWidth : null);
  const projections =
    attention.kind === 'gqa' ? [query, key, value, output].map((stem) => `${stem}.weight`) : [];
  const templates = [...mlpNames(own!), ...mlpNames(dense), ...mlpNames(shared), ...projections];
  const patterns = templates.map((template) => {
    const parts = template
      .split(/\{(?:layer|expert)\}/)
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return new RegExp(`^${parts.join('\\d+')}$`);
  });
  return (name) => name.endsWith('.weight') && patterns.some((pattern) => pattern.test(name));
}

async function largestIn({ of }: NamedSingle): Promise<number> {
  let largest = 0;
  for (const value of await decodeFloat32(of)) largest = Math.max(largest, Math.abs(value));
  return largest;
}

const refused = (problem: string, model: Model) =>
  new MoepressError('CONFIG_UNSUPPORTED', {
    message: `${problem}.`,
    where: model.id,
    hint: 'Write the model as it is, or choose another --quantise.',
  });
