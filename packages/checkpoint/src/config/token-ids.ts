import { MoepressError, shown } from '@moepress/core';
import { z } from 'zod';
import type { JsonObject } from '../folder/json.js';

const ids = z.union([z.int(), z.array(z.int())], 'expected a token id or a list of them').nullish();

/**
 * Tokens that end generation, as `generate()` of transformers takes them: from generation_config.json where there is
 * one, even if it names none, else from config.json as it stands, without defaults of its class. Negative ids, by which
 * some say that there is none, match no token. `file`: where config.json lies. Throws `CONFIG_INVALID`.
 */
export function readEosTokenIds(config: JsonObject, generation: JsonObject | null, file: string): number[] {
  const { eos_token_id: given } = generation ?? config;
  const { success, data, error } = ids.safeParse(given);
  if (success) return data == null ? [] : [data].flat().filter((id) => id >= 0);
  const where = generation === null ? file : file.replace(/config\.json$/, 'generation_config.json');
  throw new MoepressError('CONFIG_INVALID', {
    message: `"eos_token_id" is ${shown(given)}: ${error.issues[0]!.message}.`,
    where: `${where}: eos_token_id`,
  });
}

/** The token a text begins with, or null: none is meant by whatever else stands there, such as -1. */
export function asTokenId(given: unknown): number | null {
  return Number.isSafeInteger(given) && Number(given) >= 0 ? Number(given) : null;
}
