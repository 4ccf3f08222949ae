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

  /** The object under a key, to be read in the same way; null if it is absent or null. */
  inside(key: string): ConfigReader | null {
    const value = this.readOr(key, jsonObject, null);
    return value && new ConfigReader(value, `${this.#file}: ${key}`);
  }

  /** The keys that are given. */
  keys(): string[] {
    return Object.keys(this.#raw);
  }

  invalid(key: string, problem: string): MoepressError {
    return new MoepressError('CONFIG_INVALID', {
      message: `"${key}" is ${JSON.stringify(this.#raw[key]) ?? 'missing'}: ${problem}.`,
      where: `${this.#file}: ${key}`,
    });
  }

  unsupported(key: string, need: string): MoepressError {
    return new MoepressError('CONFIG_UNSUPPORTED', {
      message: `"${key}" is ${JSON.stringify(this.#raw[key])}; only ${need} is implemented.`,
      where: `${this.#file}: ${key}`,
    });
  }
}

export const count = z.int().positive();
export const index = z.int().nonnegative();
export const positive = z.number().positive();
export const jsonObject = z.record(z.string(), z.unknown());
