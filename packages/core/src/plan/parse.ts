import { z } from 'zod';
import { MoepressError } from '../errors/error.js';
import { parseJson } from '../json.js';
import { sha256 } from '../sha256.js';
import { type CompressionPlan, planSchema } from './schema.js';

/** No plan needs it, and a check without a limit would run out of stack. */
const maxDepth = 64;

/** Checks untrusted JSON. Throws `PLAN_INVALID` naming the first wrong field. */
export function parsePlan(json: string, where: string): CompressionPlan {
  let data: unknown;
  try {
    data = parseJson(json, { maxDepth, pythonWords: false });
  } catch (cause) {
    throw new MoepressError('PLAN_INVALID', { message: `Not JSON: ${String(cause)}`, where, cause });
  }
  const parsed = planSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  const first = parsed.error.issues[0];
  const path = first?.path.join('.') || 'the document';
  throw new MoepressError('PLAN_INVALID', {
    message: `${path}: ${first?.message ?? z.prettifyError(parsed.error)}.`,
    where,
  });
}

/** JSON with sorted keys, so that equal plans have equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, v: unknown) =>
    v && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
}

/** SHA-256 of a plan's canonical JSON: the name by which a written checkpoint records its plan. */
export function planHash(plan: CompressionPlan): string {
  return sha256(canonicalJson(plan));
}
