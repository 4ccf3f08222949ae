import { MoepressError, shown } from '@moepress/core';
import type { GgufValue } from '../gguf-cursor.js';
import type { GgufFile } from '../read-gguf.js';

/** The metadata of a file, checked where they are read. `key` is written without the name of the architecture. */
export class GgufMetadata {
  readonly architecture: string;
  readonly #file: GgufFile;

  /** Throws `CHECKPOINT_INVALID` for a file that does not say what it is. */
  constructor(file: GgufFile) {
    this.#file = file;
    this.architecture = this.text('general.architecture');
  }

  has(key: string): boolean {
    return this.#file.metadata.has(key);
  }

  /** Whole numbers from 0 on. Throws `CHECKPOINT_INVALID`; without `otherwise` also where there is none. */
  count(key: string, otherwise?: number): number {
    return this.#checked(key, otherwise, 'a whole number', isCount) as number;
  }

  /** A number in fp32, as the decimal that it was rounded from. */
  number(key: string, otherwise?: number): number {
    const value = this.#checked(key, otherwise, 'a number', Number.isFinite) as number;
    return Number(value.toPrecision(7));
  }

  flag(key: string, otherwise: boolean): boolean {
    return this.#checked(key, otherwise, 'true or false', (value) => typeof value === 'boolean') as boolean;
  }

  text(key: string, otherwise?: string): string {
    return this.#checked(key, otherwise, 'a text', (value) => typeof value === 'string') as string;
  }

  /** A list whose elements all pass. */
  list<Item extends GgufValue>(
    key: string,
    what: string,
    isItem: (value: GgufValue) => boolean,
  ): readonly Item[] {
    const isList = (value: unknown) => Array.isArray(value) && value.every(isItem);
    return this.#checked(key, undefined, what, isList) as readonly Item[];
  }

  /** A key of the architecture. */
  own(key: string): string {
    return `${this.architecture}.${key}`;
  }

  #checked(
    key: string,
    otherwise: GgufValue | undefined,
    what: string,
    fits: (value: never) => boolean,
  ): GgufValue {
    const value = this.#file.metadata.get(key)?.value ?? otherwise;
    if (value === undefined) throw this.invalid(`The metadata have no ${key}`);
    if (fits(value as never)) return value;
    throw this.invalid(`The metadata give ${key} as ${shown(value)}, not as ${what}`);
  }

  /** `CHECKPOINT_INVALID`; `problem` is a sentence without its full stop. */
  invalid(problem: string): MoepressError {
    return new MoepressError('CHECKPOINT_INVALID', {
      message: `${problem}.`,
      where: this.#file.path,
      hint: 'Get the file again, or make it again with a newer llama.cpp.',
    });
  }

  /** `CONFIG_UNSUPPORTED`: something that changes the mathematics and is not computed here. */
  unsupported(problem: string): MoepressError {
    return new MoepressError('CONFIG_UNSUPPORTED', {
      message: `${problem}.`,
      where: this.#file.path,
      hint: 'Use the repository that the file was made from.',
    });
  }
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;
