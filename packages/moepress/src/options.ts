import { join } from 'node:path';
import type { Plugin, Progress, Work } from '@moepress/core';
import type { DeviceOptions } from '@moepress/runtime';

/** Options of every function that takes long. */
export interface WorkOptions {
  /** Ends the work, which then throws `ABORTED` or the signal's reason, and leaves nothing half-written. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Told how far the work is, and warned of what the result should not be trusted in. What it throws ends the work; what
   * an asynchronous one rejects with does so at the next event.
   */
  readonly onProgress?: Progress | undefined;
}

/** The same as the packages below take it. */
export const workOf = ({ signal, onProgress }: WorkOptions): Work => ({
  signal,
  progress: onProgress && telling(onProgress),
});

/** Throws at the next event what an asynchronous `onProgress` rejected with: nobody else would take it. */
function telling(onProgress: Progress): Progress {
  let failure: { readonly error: unknown } | null = null;
  return (event) => {
    if (failure) throw failure.error;
    const told: unknown = onProgress(event);
    Promise.resolve(told).catch((error: unknown) => {
      failure ??= { error };
    });
  };
}

/** Does work that writes; what `onProgress` throws meanwhile is thrown as it is, and is no failure of writing. */
export async function whileWriting<Result>(
  options: WorkOptions,
  use: (work: Work) => Promise<Result>,
): Promise<Result> {
  const { signal, progress } = workOf(options);
  const thrown: unknown[] = [];
  const kept: Progress = (event) => {
    try {
      progress?.(event);
    } catch (error) {
      thrown.push(error);
      throw error;
    }
  };
  try {
    return await use({ signal, progress: progress && kept });
  } catch (error) {
    throw thrown.length > 0 ? thrown[0] : error;
  }
}

/** Where to compute, and with how much. */
export interface ComputeOptions extends DeviceOptions {
  /** Threads of the matrix products; by default one a core. */
  readonly threads?: number | undefined;
  /** Bytes of anonymous memory to stay within; half of what the machine has left by default. */
  readonly memory?: number | undefined;
}

/**
 * What is kept for later runs, and where: a folder for all of it, or one for each kind; false keeps nothing. By default
 * in `$MOEPRESS_CACHE`, else in `moepress` under `$XDG_CACHE_HOME` or ~/.cache. There SHA-256 digests of weight files
 * are kept in any case, so that files that have not changed are not read again to tell them apart.
 */
export type CacheOption = string | false | CacheFolders;

export interface CacheFolders {
  /** Statistics that were measured for methods. */
  readonly evidence?: string | false | undefined;
  /** What models answered to the questions of tasks. */
  readonly responses?: string | false | undefined;
  /** States of training, from which it goes on. */
  readonly training?: string | undefined;
}

const folderNames = { evidence: 'evidence', responses: 'answers', training: 'training' } as const;

/** The folder chosen for one kind: undefined for the default one, false for none. */
export function cacheFolder(
  cache: CacheOption | undefined,
  kind: keyof CacheFolders,
): string | false | undefined {
  if (cache === false || cache === undefined) return cache;
  return typeof cache === 'string' ? join(cache, folderNames[kind]) : cache[kind];
}

/**
 * Plugins besides those that are installed with moepress, or that the project of the current folder names: folders of
 * packages, modules, names of installed packages, or plugins themselves.
 */
export type PluginsOption = readonly (string | Plugin)[];
