import { type CalibrationSet, canonicalJson, sha256 } from '@moepress/core';

/** SHA-256 in hexadecimal of what determines a result, under which it is found again. */
export const addressOf = (value: unknown): string => sha256(canonicalJson(value));

/** What of a calibration set is measured: its tokens, and which of them count, if not all. */
export const measuredTokens = ({ sequences, counted }: CalibrationSet): unknown =>
  counted ? { sequences, counted } : sequences;
