import { canonicalJson, sha256 } from '@moepress/core';

/** SHA-256 in hexadecimal of what determines a result, under which it is found again. */
export const addressOf = (value: unknown): string => sha256(canonicalJson(value));
