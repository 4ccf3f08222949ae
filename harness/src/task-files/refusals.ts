import path from 'node:path';
import { MoepressError } from '@moepress/core';
import { functionIn, type RawConfig } from './read-task-file.js';

/** Why a task file cannot be run here, a few words that many task files share; undefined for errors of other kinds. */
export const refusalReason = (error: unknown): string | undefined =>
  MoepressError.isInstance(error) && error instanceof TaskRefusal ? error.reason : undefined;

/** A task that asks for more than there is. */
export class TaskRefusal extends MoepressError {
  /** What it asks for, in a few words. */
  readonly reason: string;

  constructor(reason: string, message: string, where: string) {
    super('TASK_UNSUPPORTED', { message, where });
    this.reason = reason;
  }
}

/** Functions that a configuration names, with the key of each. */
export function functionsIn(
  config: RawConfig,
): { readonly key: string; readonly name: string; readonly file: string }[] {
  const found: { key: string; name: string; file: string }[] = [];
  const look = (value: unknown, key: string): void => {
    const named = functionIn(value);
    if (named) found.push({ key, name: named.name, file: fileOf(named.name, named.folder) });
    else if (Array.isArray(value)) for (const item of value) look(item, key);
    else if (typeof value === 'object' && value !== null) {
      for (const [inner, item] of Object.entries(value)) look(item, `${key}.${inner}`);
    }
  };
  for (const [key, value] of Object.entries(config)) look(value, key);
  return found;
}

/** The Python file of `utils.process_docs`, beside the task file. */
const fileOf = (name: string, folder: string): string => {
  const module = name.split('.').slice(0, -1);
  return path.join(folder, `${module.join('/')}.py`);
};

/** Throws `TASK_UNSUPPORTED` for a task that is or needs Python, images, sounds, or to run code. */
export function refuseForeign(config: RawConfig, where: string): void {
  const name = String(config.task ?? config.group);
  if (config.class !== undefined) {
    throw new TaskRefusal('a task that is a Python class', `${name} is a Python class.`, where);
  }
  const functions = functionsIn(config);
  if (functions.length > 0) {
    const keys = [...new Set(functions.map(({ key }) => key.split('.')[0]!))].sort();
    const named = functions.map((one) => `${one.key} is ${one.name} in ${one.file}`);
    throw new TaskRefusal(
      `Python: ${keys.join(', ')}`,
      `${name} needs Python, which is not run: ${[...new Set(named)].join('; ')}.`,
      where,
    );
  }
  if (config.unsafe_code === true) {
    throw new TaskRefusal('runs code', `${name} runs the code that models write.`, where);
  }
  for (const key of ['doc_to_image', 'doc_to_audio'] as const) {
    if (config[key] != null)
      throw new TaskRefusal('images or sounds', `${name} asks about images or sounds.`, where);
  }
  const other = Object.keys((config.dataset_kwargs as RawConfig | null | undefined) ?? {}).filter(
    (key) => !['data_files', 'trust_remote_code'].includes(key),
  );
  if (other.length > 0) {
    throw new TaskRefusal(
      'arguments of a dataset',
      `${name} loads its dataset with ${other.join(', ')}.`,
      where,
    );
  }
  if (config.use_prompt != null) {
    throw new TaskRefusal('promptsource', `${name} takes its prompt from promptsource.`, where);
  }
}
