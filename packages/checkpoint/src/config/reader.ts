import { MoepressError } from '@moepress/core';
import { z } from 'zod';
import type { JsonObject } from '../folder/json.js';

/** Reads config.json key by key, so that an error names the key. */
export class ConfigReader {
  readonly #raw: JsonObject;
  readonly #file: string;

  constructor(raw: JsonObject, file: string) {
    this.#raw = raw;
    this.#file = file;
  }

  /** The value of a key. Throws `CONFIG_INVALID` if the schema refuses it. */
  read<T>(key: string, schema: z.ZodType<T>): T {
    const parsed = schema.safeParse(this.#raw[key]);
    if (parsed.success) return parsed.data;
    throw this.invalid(key, parsed.error.issues[0]!.message);
  }

  /** The same, where an absent or null key means `fallback`. */
  readOr<T>(key: string, schema: z.ZodType<T>, fallback: T): T {
    return this.read(key, schema.nullish()) ?? fallback;
  }

  invalid(key: string, problem: string): MoepressError {
    return new MoepressError('CONFIG_INVALID', {
      message: `"${key}" is ${JSON.stringify(this.#raw[key]) ?? 'missing'}: ${problem}.`,
      where: `${this.#file}: ${key}`,
    });
  }

  unsupported(key: string, value: unknown, need: string): MoepressError {
    return new MoepressError('CONFIG_UNSUPPORTED', {
      message: `"${key}" is ${JSON.stringify(value)}; only ${need} is implemented.`,
      where: `${this.#file}: ${key}`,
    });
  }
}

export const count = z.int().positive();
export const index = z.int().nonnegative();
