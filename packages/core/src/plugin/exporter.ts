import type { Work } from '../events.js';
import type { Model } from '../model/model.js';
import type { CompressionPlan } from '../plan/schema.js';
import type { TensorExpr } from '../tensor/expr.js';

/** Writes models in a format of another program: `moepress export <model> --to name`. */
export interface Exporter {
  readonly specVersion: 1;
  /** The name that a user gives as `to`. */
  readonly name: string;
  readonly title: string;
  /** Where the format is described. */
  readonly reference: string;
  readonly output: 'file' | 'folder';
  /** Throws `CONFIG_UNSUPPORTED` for a model that the format cannot hold, before anything is written. */
  check?(model: Model): void;
  write(context: ExportContext): Promise<void>;
}

export interface ExportContext extends Work {
  /** The model as the plan changes it, if there is one. */
  readonly model: Model;
  readonly plan: CompressionPlan | null;
  /**
   * The file to write, which is not there yet, or an empty folder. It appears at the path that the user gave when `write` has
   * ended, and not at all if it throws.
   */
  readonly path: string;
  /** The values of a tensor, row-major, as fp32. */
  read(tensor: TensorExpr): Promise<Float32Array>;
}
