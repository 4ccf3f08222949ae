import { z } from 'zod';
import type { ConfigReader } from './reader.js';

const parameters = z.looseObject({ rope_theta: z.number().positive().optional() });

/**
 * The base of the rotary frequencies, from the classic form (`rope_theta` beside `rope_scaling`) or
 * that of transformers 5 (`rope_parameters` with `rope_type` and `rope_theta`).
 * Throws `CONFIG_UNSUPPORTED` for scaled or partial rotation.
 */
export function readRopeTheta(reader: ConfigReader): number {
  for (const key of ['rope_parameters', 'rope_scaling']) {
    const given = reader.readOr(key, parameters, {});
    const type = given.rope_type ?? given.type ?? 'default';
    if (type !== 'default') throw reader.unsupported(key, given, 'the default rotation');
    if ((given.partial_rotary_factor ?? 1) !== 1) {
      throw reader.unsupported(key, given, 'a partial_rotary_factor of 1');
    }
  }
  const nested = reader.readOr('rope_parameters', parameters, {}).rope_theta;
  return nested ?? reader.read('rope_theta', z.number().positive());
}
