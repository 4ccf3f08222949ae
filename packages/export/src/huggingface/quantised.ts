import {
  exprEntry,
  holds,
  type NamedFlat,
  type NamedStack,
  type NamedTensor,
  stackEntry,
  stackedEntries,
  type TensorEntry,
  weightFormats,
} from '@moepress/checkpoint';
import {
  type BlockScaledExpr,
  blockTensors,
  elementCount,
  inFormat,
  type Model,
  operandsOf,
  requantised,
  type TensorExpr,
  transpose,
} from '@moepress/core';

/** How the weights of a view are stored. */
export interface StoredWeights {
  /** Whether those that the checkpoint stores quantised stay so; else all are written in the type they have once read. */
  readonly quantised: boolean;
  /** Names of those that stay in their format with other codes, because their blocks were cut. */
  readonly requantised: readonly string[];
  /** What is written under the name of one of them, or under the several names of a quantised one. */
  entriesOf(tensor: NamedTensor): TensorEntry[];
}

/**
 * How `tensors` are stored: quantised ones with the bytes they have where whole blocks were kept, quantised anew in the same
 * format where blocks were cut or values changed. No engine reads a model of which some experts are quantised: where
 * one of them does not go into its format any more, all are written plain.
 */
export function storedWeights(tensors: readonly NamedTensor[]): StoredWeights {
  const held = new Map<NamedTensor, Held | null>();
  const heldOf = (tensor: NamedTensor): Held | null => {
    if (!held.has(tensor)) held.set(tensor, holdTensor(tensor));
    return held.get(tensor)!;
  };
  const quantised = tensors.every((tensor) => heldOf(tensor) !== null);
  return {
    quantised,
    requantised: quantised ? tensors.flatMap((tensor) => (heldOf(tensor)!.anew ? [tensor.name] : [])) : [],
    entriesOf: (tensor) => (quantised ? heldOf(tensor)!.entries() : plainEntries(tensor)),
  };
}

interface Held {
  /** Whether values were quantised anew. */
  readonly anew: boolean;
  entries(): TensorEntry[];
}

/** Null where the format cannot hold it. */
function holdTensor(tensor: NamedTensor): Held | null {
  const plain = { anew: false, entries: () => plainEntries(tensor) };
  if (tensor.kind === 'flat') return tensor.of.some(quantisedIn) ? null : plain;
  if (tensor.kind === 'stack') return tensor.of.some(quantisedIn) ? holdStack(tensor) : plain;
  const like = quantisedIn(tensor.of);
  if (!like) return plain;
  const matrix = holdMatrix(tensor.of, like);
  const stem = tensor.name.replace(/\.weight$/, '');
  return matrix && { anew: matrix.anew, entries: () => weightFormats[like.format].entries(stem, matrix.of) };
}

function holdStack({ name, of }: NamedStack): Held | null {
  const like = of.map(quantisedIn).find((found) => found !== null)!;
  if (like.format !== 'mxfp4') return null;
  const parts = of.map((part) => holdMatrix(part, like));
  if (parts.includes(null)) return null;
  return {
    anew: parts.some((part) => part!.anew),
    entries: () =>
      stackedEntries(
        name,
        parts.map((part) => part!.of),
      ),
  };
}

function holdMatrix(of: TensorExpr, like: BlockScaledExpr): { of: BlockScaledExpr; anew: boolean } | null {
  const format = weightFormats[like.format];
  const { transposed } = format;
  const exact = inFormat(of);
  if (exact && exact.transposed === transposed && holds(format, exact.of))
    return { of: exact.of, anew: false };
  const anew = requantised(transposed ? transpose(of) : of, like);
  return holds(format, anew) ? { of: anew, anew: true } : null;
}

/** Whether any weight of the layers is stored quantised. */
export const isQuantised = (model: Model): boolean =>
  model.blocks.some((block) => blockTensors(block).some((of) => quantisedIn(of) !== null));

/** The quantised matrix that an expression is made of, or the first one. */
export function quantisedIn(of: TensorExpr): BlockScaledExpr | null {
  if (of.kind === 'block-scaled') return of;
  for (const operand of operandsOf(of)) {
    const found = quantisedIn(operand);
    if (found) return found;
  }
  return null;
}

export function plainEntries(tensor: NamedTensor): TensorEntry[] {
  if (tensor.kind === 'flat') return [flatEntry(tensor)];
  if (tensor.kind === 'single') return [exprEntry(tensor.name, tensor.of)];
  return [stackEntry(tensor.name, isTransposed(tensor) ? tensor.of.map(transpose) : tensor.of)];
}

const isTransposed = ({ transposed }: NamedStack) => transposed;

function flatEntry({ name, of }: NamedFlat): TensorEntry {
  const count = of.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return { ...stackEntry(name, of), shape: [count] };
}
