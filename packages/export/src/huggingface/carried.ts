import { describeUnread, findArchitecture, type TensorEntry } from '@moepress/checkpoint';
import { type Model, MoepressError, type StoredTensor } from '@moepress/core';
import { storedEntry } from './carried-entry.js';
import { predictionTensors } from './prediction.js';

/**
 * The tensors of the original that no part of the model reads, byte for byte under their names, but for those of layers
 * that predict further tokens (`writtenPrediction`). Throws `CONFIG_UNSUPPORTED` where `checkUnread` does, and for a name
 * among `written`.
 */
export function carriedEntries(model: Model, written: ReadonlySet<string>): TensorEntry[] {
  checkUnread(model);
  const carried = carriedTensors(model);
  const taken = carried.filter(({ name }) => written.has(name));
  if (taken.length > 0)
    throw refused(`${describeUnread(taken)}, and the new model needs the same name.`, model);
  return carried.map((tensor) => storedEntry(tensor));
}

/**
 * Refuses what could be carried over only by guessing: tensors of single experts or of the router, which no part of
 * the model reads, while experts are dropped and numbered anew. Throws `CONFIG_UNSUPPORTED`.
 */
export function checkUnread(model: Model): void {
  const router = findArchitecture(model.architecture, model.id).tensors.router.split('{layer}')[1]!;
  const unclear = carriedTensors(model).filter(
    ({ name }) => name.includes('.experts.') || name.includes(`${router}.`),
  );
  if (unclear.length > 0) {
    throw refused(`${describeUnread(unclear)}. Which experts they would belong to is not known.`, model);
  }
}

function carriedTensors(model: Model): StoredTensor[] {
  const predicting = new Set(predictionTensors(model));
  return model.source.unread.filter((tensor) => !predicting.has(tensor));
}

function refused(message: string, model: Model): MoepressError {
  return new MoepressError('CONFIG_UNSUPPORTED', {
    message,
    where: model.source.directory,
    hint: 'Remove these tensors from the checkpoint, or restore the config.json that describes them.',
  });
}
