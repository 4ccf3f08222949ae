import {
  exprEntry,
  type NamedFlat,
  type NamedSingle,
  type NamedStack,
  type NamedTensor,
  stackEntry,
  type TensorEntry,
} from '@moepress/checkpoint';
import { type BlockScaledExpr, elementCount, storedIn, type TensorExpr, transpose } from '@moepress/core';

/**
 * Whether every tensor that the checkpoint stores quantised is used as it is stored. One that was cut
 * or scaled has no blocks of the format any more, and no engine reads a model of which some experts
 * are quantised: then all of it is written in the type it has once read.
 */
export function staysQuantised(tensors: readonly NamedTensor[]): boolean {
  return tensors.every((tensor) => {
    if (tensor.kind === 'single') return !isQuantised(tensor.of) || isWhole(tensor.of, 'fp8');
    if (tensor.kind === 'flat') return !tensor.of.some(isQuantised);
    return !tensor.of.some(isQuantised) || tensor.of.every((part) => isWhole(part, 'mxfp4'));
  });
}

/** What is written under a name, or under the two names of a quantised tensor, if such are `kept`. */
export function entriesOf(tensor: NamedTensor, kept: boolean): TensorEntry[] {
  if (tensor.kind === 'flat') return [flatEntry(tensor)];
  return tensor.kind === 'single' ? singleEntries(tensor, kept) : stackEntries(tensor, kept);
}

function singleEntries({ name, of }: NamedSingle, kept: boolean): TensorEntry[] {
  if (!kept || !isWhole(of, 'fp8')) return [exprEntry(name, of)];
  return [exprEntry(name, of.of), exprEntry(`${name}_scale_inv`, of.scales)];
}

function stackEntries({ name, of, transposed }: NamedStack, kept: boolean): TensorEntry[] {
  const parts = of.filter((part) => isWhole(part, 'mxfp4'));
  if (!kept || parts.length === 0) return [stackEntry(name, transposed ? of.map(transpose) : of)];
  const perBlock = parts[0]!.block / 2;
  return [
    stackEntry(
      `${name}_blocks`,
      parts.map((part) => part.of),
      [...parts[0]!.scales.shape, perBlock],
    ),
    stackEntry(
      `${name}_scales`,
      parts.map((part) => part.scales),
    ),
  ];
}

function flatEntry({ name, of }: NamedFlat): TensorEntry {
  const count = of.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return { ...stackEntry(name, of), shape: [count] };
}

/** Only quantised tensors are stored in another type than their `dtype`. */
function isQuantised(of: TensorExpr): boolean {
  return [...storedIn(of)].some(({ dtype }) => dtype !== of.dtype);
}

function isWhole(of: TensorExpr, format: BlockScaledExpr['format']): of is BlockScaledExpr {
  return of.kind === 'block-scaled' && of.format === format;
}
