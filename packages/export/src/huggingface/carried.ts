import { bytesOf, describeUnread, findArchitecture, type TensorEntry } from '@moepress/checkpoint';
import { type Model, MoepressError, type StoredTensor } from '@moepress/core';

/**
 * The tensors of the original that no part of the model reads, byte for byte under their names. Layers that
 * predict further tokens stay behind, as the written config says that there are none. Throws `CONFIG_UNSUPPORTED`
 * where `checkUnread` does, and for a name among `written`.
 */
export function carriedEntries(model: Model, written: ReadonlySet<string>): TensorEntry[] {
  checkUnread(model);
  const carried = carriedTensors(model);
  const taken = carried.filter(({ name }) => written.has(name));
  if (taken.length > 0)
    throw refused(`${describeUnread(taken)}, and the new model needs the same name.`, model);
  return carried.map((tensor) => ({
    name: tensor.name,
    dtype: tensor.dtype,
    shape: tensor.shape,
    // Whatever its type: elements need not be whole bytes.
    bytes: () => bytesOf({ ...tensor, dtype: 'U8', shape: [tensor.length] }),
  }));
}

/**
 * Refuses what could be carried over only by guessing: tensors of single experts or of the router, which no part of
 * the model reads, while experts are dropped and numbered anew. Throws `CONFIG_UNSUPPORTED`.
 */
export function checkUnread(model: Model): void {
  const router = findArchitecture(model.architecture, model.id).tensors.router.split('{layer}')[1]!;
  const unclear = carriedTensors(model).filter(
    ({ name }) =>
      layerOf(name) < model.config.layers && (name.includes('.experts.') || name.includes(`${router}.`)),
  );
  if (unclear.length > 0) {
    throw refused(`${describeUnread(unclear)}. Which experts they would belong to is not known.`, model);
  }
}

/** 0 for what belongs to no layer. */
const layerOf = (name: string) => Number(/\blayers\.(\d+)\./.exec(name)?.[1] ?? 0);

function carriedTensors({ source, config }: Model): StoredTensor[] {
  if (!source.config.num_nextn_predict_layers) return [...source.unread];
  return source.unread.filter(({ name }) => layerOf(name) < config.layers);
}

function refused(message: string, model: Model): MoepressError {
  return new MoepressError('CONFIG_UNSUPPORTED', {
    message,
    where: model.source.directory,
    hint: 'Remove these tensors from the checkpoint, or restore the config.json that tells of them.',
  });
}
