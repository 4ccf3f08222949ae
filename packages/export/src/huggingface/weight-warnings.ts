import { type Model, type StoredTensor, storedIn, tensorsByPath, type Work } from '@moepress/core';
import type { StoredWeights } from './quantised.js';

export interface WrittenWeights {
  readonly model: Model;
  readonly base: Model | undefined;
  readonly stored: StoredWeights;
  /** Bytes of the tensors that will be written. */
  readonly bytes: number;
  readonly wasQuantised: boolean;
}

/** Names that fit into one line of a warning. */
const maxNames = 4;

/** Tells what becomes of quantised weights that do not stay as they are, and of files that grow. */
export function tellOfWeights(
  { model, base, stored, bytes, wasQuantised }: WrittenWeights,
  progress: Work['progress'],
): void {
  const warn = (message: string) => progress?.({ type: 'warning', message });
  const { requantised, quantised } = stored;
  if (requantised.length > 0) {
    const more = requantised.length > maxNames ? ` and ${requantised.length - maxNames} more` : '';
    const weights = requantised.length === 1 ? '1 weight is' : `${requantised.length} weights are`;
    const names = requantised.slice(0, maxNames).join(', ');
    warn(
      `${weights} quantised anew, in the same format, because channels went that share a scale with others: ${names}${more}.`,
    );
  }
  if (wasQuantised && !quantised)
    warn('The quantised weights do not go into their format any more: all are written plain.');
  const before = sourceBytes(base ?? model);
  if (bytes > before) {
    const percent = Math.round((bytes / before - 1) * 100);
    warn(`The new weights are larger than the original's: ${bytes} bytes, ${percent} % more than ${before}.`);
  }
}

/** Bytes of all tensors of the files of a model, each counted once. */
function sourceBytes(model: Model): number {
  const seen = new Map<string, StoredTensor>();
  const add = (tensor: StoredTensor) => seen.set(`${tensor.file}:${tensor.offset}:${tensor.length}`, tensor);
  for (const expr of tensorsByPath(model).values()) for (const tensor of storedIn(expr)) add(tensor);
  for (const tensor of model.source.unread) add(tensor);
  return [...seen.values()].reduce((sum, { length }) => sum + length, 0);
}
