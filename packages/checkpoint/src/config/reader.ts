import { MoepressError, shown } from '@moepress/core';
import { z } from 'zod';
import type { ConfigValue, KeyRule, KeyTable, Meaning } from '../architectures/keys.js';
import type { JsonObject } from '../folder/json.js';

/** Something of config.json that is read, though another published program computes otherwise. */
export interface ConfigWarning {
  readonly key: string;
  readonly message: string;
}

/**
 * Reads an object of config.json by a table of its keys: under which names, and what it means that a key is
 * absent, null, or false to Python. Errors name the key as it is written in the file.
 */
export class KeyReader<Q extends string> {
  readonly warnings: ConfigWarning[];
  readonly #raw: JsonObject;
  readonly #table: KeyTable<Q>;
  readonly #file: string;

  constructor(raw: JsonObject, table: KeyTable<Q>, file: string, warnings: ConfigWarning[] = []) {
    this.warnings = warnings;
    this.#raw = raw;
    this.#table = table;
    this.#file = file;
  }

  /** The object with other values under some keys. */
  over(changes: JsonObject): KeyReader<Q> {
    return new KeyReader({ ...this.#raw, ...changes }, this.#table, this.#file, this.warnings);
  }

  /** Whether the table has the quantity. */
  reads(quantity: Q): boolean {
    return this.#table[quantity] !== undefined;
  }

  /** Whether the file has the key, even if its value is null. */
  has(quantity: Q): boolean {
    return this.#given(quantity) !== undefined;
  }

  /** The value, or its default. Throws `CONFIG_INVALID` if the schema refuses it. */
  read<T>(quantity: Q, schema: z.ZodType<T>): T {
    const parsed = schema.safeParse(this.value(quantity));
    if (parsed.success) return parsed.data;
    throw this.invalid(quantity, parsed.error.issues[0]!.message);
  }

  /** The same without a check; undefined if the table refuses the value. */
  value(quantity: Q): unknown {
    const name = this.#given(quantity);
    const { absent, null: ofNull, truth, perLayer } = this.#rule(quantity);
    if (name === undefined) return this.#meant(absent);
    const value = this.#raw[name];
    if (perLayer && Array.isArray(value) && new Set(value).size === 1) return value[0];
    return value === null || (truth && isFalse(value)) ? this.#meant(ofNull) : value;
  }

  /** The object under a key, to be read by a separate table. */
  inside<P extends string>(quantity: Q, table: KeyTable<P>): KeyReader<P> {
    return new KeyReader(this.read(quantity, jsonObject), table, `${this.#file}: ${this.nameOf(quantity)}`);
  }

  invalid(quantity: Q, problem: string): MoepressError {
    return new MoepressError('CONFIG_INVALID', {
      message: `${this.#stated(quantity)}: ${problem}.`,
      where: this.where(quantity),
    });
  }

  unsupported(quantity: Q, need: string): MoepressError {
    return new MoepressError('CONFIG_UNSUPPORTED', {
      message: `${this.#stated(quantity)}; only ${need} is implemented.`,
      where: this.where(quantity),
    });
  }

  warn(quantity: Q, message: string): void {
    this.warnings.push({ key: this.nameOf(quantity), message });
  }

  /** The name it has in the file, or would have. */
  nameOf(quantity: Q): string {
    return this.#given(quantity) ?? this.#rule(quantity).names[0];
  }

  where(quantity: Q): string {
    return `${this.#file}: ${this.nameOf(quantity)}`;
  }

  #stated(quantity: Q): string {
    const name = this.nameOf(quantity);
    if (this.has(quantity)) return `"${name}" is ${shown(this.#raw[name])}`;
    const { absent } = this.#rule(quantity);
    const meant = absent === 'refused' ? '' : `, which means ${shown(this.#meant(absent))}`;
    return `"${name}" is missing${meant}`;
  }

  #given(quantity: Q): string | undefined {
    return this.#rule(quantity).names.findLast((name) => this.#raw[name] !== undefined);
  }

  #rule(quantity: Q): KeyRule<Q> {
    const rule = this.#table[quantity];
    if (!rule) throw new Error(`No key for ${quantity}.`);
    return rule;
  }

  #meant(meaning: Meaning<Q>): ConfigValue | undefined {
    if (meaning === 'refused') return undefined;
    if ('value' in meaning) return meaning.value;
    if ('as' in meaning) return this.value(meaning.as) as ConfigValue;
    const [over, under] = meaning.quotient;
    return Math.floor(this.read(over, count) / this.read(under, count));
  }
}

/** Values that are false in Python. */
export function isFalse(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return !value;
}

export const count = z.int().positive();
/** Deeper than any model, and not so deep that a made-up number fills the memory. */
export const layerCount = count.max(10_000);
export const index = z.int().nonnegative();
export const positive = z.number().positive();
export const jsonObject = z.record(z.string(), z.unknown());
