import type { CompressionPlan, Model, Work } from '@moepress/core';
import type { EngineSupport, ExpertLayout, Importance, PredictionChoice } from '@moepress/export';

/** A format that models are exported to. A new one is a module that has this, and a line in `exportTargets`. */
export interface ExportTarget {
  readonly name: string;
  /** What the path of the output names. */
  readonly output: 'file' | 'folder';
  /** What `type` may be; the first is the default. */
  readonly types: readonly string[];
  /** The types that weigh errors by an importance matrix; none by default. */
  readonly weighedTypes?: readonly string[];
  /** Whether `write` itself warns of weights that are larger than their source's. */
  readonly tellsOfGrowth?: true;
  /**
   * What would be written and who loads it, before anything is read or written. Throws `CONFIG_UNSUPPORTED` for a view
   * that the format cannot hold.
   */
  outlook(subject: ExportSubject, choice: ExportChoice): Promise<TargetOutlook> | TargetOutlook;
  /** Writes it to `out`, which appears whole or not at all. Returns the bytes written. */
  write(subject: ExportSubject, out: string, options: TargetWriting): Promise<{ readonly bytes: number }>;
}

/** What is exported. */
export interface ExportSubject {
  readonly view: Model;
  /** The model that the plan was applied to; the view itself without one. */
  readonly base: Model;
  readonly plan: CompressionPlan | undefined;
}

export interface ExportChoice {
  readonly type: string;
  readonly layout: ExpertLayout;
  readonly mtp?: PredictionChoice | undefined;
}

/** An importance matrix, and how many sequences it was measured on, with the tokens of the longest. */
export interface MeasuredImportance {
  readonly importance: Importance;
  readonly chunks: { readonly count: number; readonly size: number };
}

/**
 * Where it comes from what columns of weights are multiplied with, which errors of quantised weights are to count by: a file of
 * `llama-imatrix`, measured on the model before or after its plan, or a measurement of the view, which may be kept in a file.
 */
export type ImportanceChoice =
  | { readonly file: string }
  | {
      /** `written` is the view as it is written. */
      measure(view: Model, written: Model, work: Work): Promise<MeasuredImportance>;
      readonly out: string | undefined;
    };

export interface TargetWriting extends ExportChoice, Work {
  /** Only given to targets that take it. */
  readonly importance?: ImportanceChoice | undefined;

  /** Replaces what is at the output path. */
  readonly force?: boolean | undefined;
}

export interface TargetOutlook {
  readonly engines: readonly EngineSupport[];
  /** Bytes of the weights as they will be written. */
  readonly bytes: number;
  /** What the user should know of the output, a sentence each. */
  readonly notes: readonly string[];
}
