import type { InWorker } from '../engine/handles.js';
import { tensor } from '../engine/protocol.js';
import type { Run } from '../tokens/runs.js';
import type { WorkerBatch } from './worker-batch.js';

/** A share of the rows of a run that several workers have. */
export interface Share {
  /** The runs' common name. */
  readonly of: string;
  readonly rows: Int32Array;
}

/**
 * What several workers keep for their own runs, such as the text that all requests begin with, they compute
 * together: each the keys and values of all of its rows, and the rest for a share of them. Yields the shares of those runs.
 */
export function sharesOf<T extends InWorker & { readonly run: Run }>(
  assigned: readonly T[],
): Map<Run, Share> {
  const groups = new Map<string, T[]>();
  /** What each worker has kept before, which has to be the same too. */
  const kept = new Map<T['worker'], string>();
  for (const one of assigned) {
    const { run, worker } = one;
    if (!run.keeps) continue;
    const name = `${run.prefix > 0 ? kept.get(worker) : ''}|${run.layout.ids.join()}`;
    kept.set(worker, name);
    const group = groups.get(name) ?? [];
    groups.set(name, group);
    if (group.every((other) => other.worker !== worker)) group.push(one);
  }
  const shares = new Map<Run, Share>();
  for (const [of, group] of groups) {
    const count = group[0]!.run.layout.ids.length;
    if (group.length === 1 || count < group.length) continue;
    for (const [i, { run }] of group.entries()) {
      const [from, to] = [i, i + 1].map((n) => Math.floor((n * count) / group.length)) as [number, number];
      shares.set(run, { of, rows: Int32Array.from({ length: to - from }, (_, row) => from + row) });
    }
  }
  return shares;
}

/** Gives each worker the hidden states of all rows where it has computed a share of them. */
export async function putTogether(
  batches: readonly (WorkerBatch & { readonly share: Share | null })[],
): Promise<void> {
  const shared = batches.filter(({ share }) => share !== null);
  for (const name of new Set(shared.map(({ share }) => share!.of))) {
    const group = shared.filter(({ share }) => share!.of === name);
    const states = await Promise.all(group.map((batch) => batch.hidden.read()));
    const width = states[0]!.dims[1]!;
    const count = group.reduce((sum, { share }) => sum + share!.rows.length, 0);
    for (const batch of group) {
      const all = new Float32Array(count * width);
      for (const [i, { data }] of states.entries()) {
        for (const [at, row] of group[i]!.share!.rows.entries()) {
          all.set((data as Float32Array).subarray(at * width, (at + 1) * width), row * width);
        }
      }
      await batch.hidden.put(tensor('float32', [count, width], all));
    }
  }
}
