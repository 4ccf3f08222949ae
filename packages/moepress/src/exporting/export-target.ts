import type { CompressionPlan, Model, Work } from '@moepress/core';
import type { EngineSupport, ExpertLayout, PredictionChoice } from '@moepress/export';

/** A format that models are exported to. A new one is a module that has this, and a line in `exportTargets`. */
export interface ExportTarget {
  readonly name: string;
  /** What the path of the output names. */
  readonly output: 'file' | 'folder';
  /** What `type` may be; the first is the default. */
  readonly types: readonly string[];
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

export interface TargetWriting extends ExportChoice, Work {
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
