import { createHash } from 'node:crypto';
import { canonicalJson } from '@moepress/core';

/** SHA-256 in hexadecimal of what determines a result, under which it is found again. */
export function addressOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
