import { parseJson } from '@moepress/core';
import { z } from 'zod';

/** Counted up when entries of an older moepress must not be taken any more. */
const format = 1;

const entrySchema = z.object({
  format: z.literal(format),
  /** Address of the configuration, 64 hexadecimal digits. */
  configuration: z.string(),
  /** Address of the questions on which it was scored. */
  asked: z.string(),
  /** The options as the grid gives them. */
  options: z.record(z.string(), z.json()),
  /** Address of what was decided: configurations that decide alike are scored once. */
  decision: z.string(),
  /** Distance of the view from the model after the final norm, if the method reports it. */
  distance: z.number().nullable(),
  /** Mean relative error of the layers, if the method reports it. */
  error: z.number().nullable(),
  /** Parameters of the view. */
  parameters: z.number(),
  /** Scores by task and `metric,filter`. */
  scores: z.record(z.string(), z.record(z.string(), z.number())),
});

/** The results for one configuration: a line of the results file. */
export type Entry = z.output<typeof entrySchema>;

/** An entry beside the scores on tasks that it was asked before, when it was among the best, on other documents. */
export interface AskedEntry extends Entry {
  readonly again: Entry['scores'];
}

export const newEntry = (entry: Omit<Entry, 'format'>): Entry => ({ format, ...entry });

/** The entries among some lines of text; what is none, as the torn last line of a killed run, is left out. */
export function entriesIn(text: string): Entry[] {
  return text.split('\n').flatMap((line) => {
    const { success, data } = entrySchema.safeParse(parsed(line));
    return success ? [data] : [];
  });
}

function parsed(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return null;
  }
}

/** The text of one. */
export const lineOf = (entry: Entry) => `${JSON.stringify(entry)}\n`;
