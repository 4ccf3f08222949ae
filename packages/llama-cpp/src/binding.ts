import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** What is used of node-llama-cpp 3.22, whose types would have to be installed to be named. */
export interface Binding {
  getLlama(options: {
    readonly gpu: string | false;
    readonly build: 'never';
    readonly skipDownload: true;
    readonly logLevel: 'error';
  }): Promise<Llama>;
  getModuleVersion?(): Promise<string>;
}

export interface Llama {
  readonly gpu: string | false;
  readonly llamaCppRelease: { readonly release: string };
  loadModel(options: { readonly modelPath: string }): Promise<LlamaModel>;
}

export interface LlamaModel {
  createContext(options: {
    readonly sequences: number;
    readonly contextSize: number;
    readonly threads: { readonly ideal: number; readonly min: number };
    readonly flashAttention: false;
    readonly swaFullCache: true;
  }): Promise<LlamaContext>;
}

export interface LlamaContext {
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

export interface LlamaSequence {
  readonly nextTokenIndex: number;
  /** Keeps what the state has in common with the tokens. */
  adaptStateToTokens(tokens: readonly number[], allowShift: boolean): Promise<void>;
  clearHistory(): Promise<void>;
  evaluate(
    tokens: readonly number[],
    options: {
      readonly temperature: number;
      readonly topK?: number;
      readonly topP?: number;
      readonly seed?: number;
      readonly yieldEogToken: true;
    },
  ): AsyncIterable<number>;
}

const packageName = 'node-llama-cpp';

/** node-llama-cpp as it is installed beside this package, or seen from `from`. Throws what importing throws. */
export async function importBinding(from: string): Promise<Binding> {
  try {
    return (await import('node-llama-cpp')) as unknown as Binding;
  } catch (error) {
    if (!isMissing(error)) throw error;
    // Packages with nothing but an `import` condition are not found by `require.resolve` of their name alone.
    const require = createRequire(join(from, 'node_modules', 'none.js'));
    const folders = require.resolve.paths(packageName) ?? [];
    for (const folder of folders) {
      const entry = entryOf(require, join(folder, packageName));
      if (entry !== null) return import(pathToFileURL(entry).href);
    }
    throw error;
  }
}

function entryOf(require: NodeJS.Require, folder: string): string | null {
  try {
    const { exports, main } = require(join(folder, 'package.json'));
    const own = exports?.['.'] ?? exports ?? main;
    const relative =
      typeof own === 'string' ? own : (own?.node?.import ?? own?.import ?? own?.default ?? main);
    return typeof relative === 'string' ? join(folder, relative) : null;
  } catch {
    return null;
  }
}

export const isMissing = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_MODULE_NOT_FOUND';
