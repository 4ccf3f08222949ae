import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { asWriteError } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { writeWhole } from '../../files/output.js';
import { type Entry, entriesIn, lineOf } from './sweep-entry.js';

const fileName = 'results.ndjson';

/** The entries of a sweep, each kept as a line as soon as it is there. */
export class Results {
  readonly #file: string;
  readonly #entries: Map<string, Entry>;
  #written: Promise<void> = Promise.resolve();

  private constructor(file: string, entries: readonly Entry[]) {
    this.#file = file;
    this.#entries = new Map(entries.map((entry) => [keyOf(entry), entry]));
  }

  /** Takes up what is in the folder. Throws `INPUT_INVALID` if it cannot be read, and what writing throws. */
  static async open(folder: string): Promise<Results> {
    const file = join(folder, fileName);
    const entries = entriesIn(await textOf(file));
    // Anew, so that no torn line stands before the next one.
    await writeWhole(file, entries.map(lineOf).join(''));
    return new Results(file, entries);
  }

  find(configuration: string, asked: string): Entry | undefined {
    return this.#entries.get(keyOf({ configuration, asked }));
  }

  /** Throws `DISK_FULL` or `WRITE_FAILED`. */
  async add(entry: Entry): Promise<void> {
    this.#entries.set(keyOf(entry), entry);
    this.#written = this.#written.then(() => appendFile(this.#file, lineOf(entry)));
    await this.#written.catch((cause) => {
      throw asWriteError(cause, this.#file);
    });
  }
}

const keyOf = ({ configuration, asked }: Pick<Entry, 'configuration' | 'asked'>) =>
  `${configuration} ${asked}`;

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return '';
    const message = `What the sweep has found cannot be read: ${(cause as Error).message}.`;
    throw new MoepressError('INPUT_INVALID', { message, where: file, cause });
  }
}
