import type { Model } from '@moepress/core';
import type { FindOptions } from '../../methods/find-methods.js';
import type { DataOptions } from '../../models/model-data.js';
import type { CacheOption, ComputeOptions } from '../../options.js';

/** What all jobs of a recipe compute with; it changes no result beyond rounding. */
export interface JobCompute extends ComputeOptions, FindOptions, Pick<DataOptions, 'data'> {
  readonly cache?: CacheOption | undefined;
}

/** What jobs of a recipe share. */
export interface Shared {
  readonly base: Model;
  /** The address of the original: of its weights and of what lies beside them. */
  readonly address: string;
  readonly compute: JobCompute;
}
