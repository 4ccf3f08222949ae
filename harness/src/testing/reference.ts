import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The optional folder of reference data and results of lm-evaluation-harness. */
export const shared = process.env.MOEPRESS_SHARED;

/** The golden file of the evaluation suite as text. */
export function goldenText(name: string): string {
  return readFileSync(path.join(shared!, 'golden/eval', name), 'utf8');
}

/** Lines of a golden file. Their shapes differ from file to file; tests name the fields they use. */
export function golden<Line>(name: string): Line[] {
  return goldenText(name)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}
