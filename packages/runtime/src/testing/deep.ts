import { openModel } from '@moepress/checkpoint';
import type { Model } from '@moepress/core';

/** A checkpoint with its blocks repeated, so that there is something to interrupt. */
export async function deepModel(folder: string, times: number): Promise<Model> {
  const model = await openModel(folder);
  const repeated = Array.from({ length: times }, () => model.blocks).flat();
  return { ...model, blocks: repeated.map((block, index) => ({ ...block, index })) };
}
