/** How the process that runs llama.cpp is spoken with. */

/** A file, and what it is opened for. */
export interface OpenOrder {
  /** Absolute path of a GGUF file. */
  readonly file: string;
  /** Folder from which node-llama-cpp is looked for, beside the place of this package. */
  readonly from: string;
  /** Threads that compute a batch. */
  readonly threads: number;
  readonly gpu: GpuChoice;
}

/** Where llama.cpp computes: `auto` takes the best there is, false the processor alone. */
export type GpuChoice = 'auto' | 'cuda' | 'vulkan' | 'metal' | false;

/** How tokens are drawn; the likeliest one is taken without. */
export interface Drawn {
  readonly temperature: number;
  readonly topP: number;
  /** 0: any number of tokens. */
  readonly topK: number;
  /** One for each prompt. */
  readonly seeds: readonly number[];
}

export interface GenerateOrder {
  readonly prompts: readonly (readonly number[])[];
  readonly maxNewTokens: number;
  readonly eosTokenIds: readonly number[];
  /** Prompts whose tokens are computed in one batch. */
  readonly sequences: number;
  readonly drawn: Drawn | null;
}

export type Order =
  | { readonly open: OpenOrder }
  | { readonly generate: GenerateOrder }
  /** Nothing more is wanted of one prompt. */
  | { readonly enough: number };

/** What runs, for the results that it makes. */
export interface EngineFacts {
  /** Version of node-llama-cpp. */
  readonly binding: string;
  /** Release of llama.cpp, such as `b7342`. */
  readonly release: string;
  readonly gpu: string | false;
}

export type Reply =
  | { readonly opened: EngineFacts }
  /** A token of a prompt. */
  | { readonly token: number; readonly of: number }
  /** All prompts are done. */
  | { readonly finished: true }
  | { readonly failed: Failure };

/** `missing`: the package, or its binary for this machine; `refused`: what was opened or asked. */
export interface Failure {
  readonly why: 'missing' | 'refused';
  readonly message: string;
}
