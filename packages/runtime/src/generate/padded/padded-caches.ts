import { type AttentionBlock, attentionBlocks, type Block } from '@moepress/core';
import { paddedDimOf } from '../../decoder/attention/heads.js';
import {
  CacheHandle,
  type Feeds,
  type Session,
  type Step,
  type TensorHandle,
  type WorkerCommands,
} from '../../engine/handles.js';
import type { ModelRun } from '../../forward/model-run.js';
import { pastFeeds } from '../../forward/past.js';
import { blockFeeds, type WorkerBatch } from '../../forward/worker-batch.js';

const parts = ['Key', 'Value'] as const;
type Part = (typeof parts)[number];

/**
 * The keys and values of a batch's sequences, from one token to the next: on the device where outputs may stay there;
 * otherwise in the machine's memory, which only new rows are copied to.
 */
export class PaddedCaches {
  readonly #run: ModelRun;
  /** Those of a block, as tensors on the device or as caches in memory. */
  readonly #blocks: ReadonlyMap<AttentionBlock, Readonly<Record<Part, TensorHandle | CacheHandle>>>;

  constructor(run: ModelRun, worker: WorkerCommands, name: string) {
    const { scope, model, engine } = run;
    const make = engine.traits.keepsOutputs ? scope.tensor.bind(scope) : scope.cache.bind(scope);
    const handlesOf = ({ index }: Block) => ({
      Key: make(worker, `${name}/${index}/Key`),
      Value: make(worker, `${name}/${index}/Value`),
    });
    this.#run = run;
    this.#blocks = new Map(attentionBlocks(model).map((block) => [block, handlesOf(block)]));
  }

  /** Makes room for so many sequences. */
  async open(sequences: number): Promise<void> {
    const opening = [...this.#blocks].flatMap(([{ attention }, own]) => {
      const shape = { sequences, kvHeads: attention.kvHeads, headDim: paddedDimOf(attention) };
      return parts.map(async (part) => {
        const cache = own[part];
        if (cache instanceof CacheHandle) await cache.reset(shape);
      });
    });
    await Promise.all(opening);
  }

  /**
   * Takes a batch through a block whose session has `cache` outputs, and keeps the keys and values of its tokens;
   * `past` counts those before it. Fetches `finite`.
   */
  step(session: Session, block: Block, batch: WorkerBatch, past: readonly number[] | null): Step {
    const own = this.#blocks.get(block as AttentionBlock)!;
    const earlier: Feeds = past
      ? { pastKey: own.Key, pastValue: own.Value }
      : pastFeeds(batch, block, this.#run.engine.traits);
    const { keep, append } = this.#adds(block, batch, past);
    return {
      session,
      feeds: { ...blockFeeds(batch, block), ...earlier },
      fetch: ['finite'],
      keep: { hiddenOut: batch.hidden, ...keep },
      append,
    };
  }

  /** How a step adds the keys and values of its own tokens. */
  #adds(
    block: Block,
    { layout }: WorkerBatch,
    past: readonly number[] | null,
  ): Pick<Step, 'keep' | 'append'> {
    const { Key: key, Value: value } = this.#blocks.get(block as AttentionBlock)!;
    if (!(key instanceof CacheHandle) || !(value instanceof CacheHandle)) {
      return { keep: { presentKey: key as TensorHandle, presentValue: value as TensorHandle } };
    }
    const { lengths } = layout;
    const longest = lengths.reduce((a, b) => Math.max(a, b), 0);
    const tokens = [...lengths].map((length, sequence) => ({
      sequence,
      start: past?.[sequence] ?? 0,
      rows: Int32Array.from({ length }, (_, t) => sequence * longest + t),
    }));
    const append = (output: string, cache: CacheHandle) => ({
      ...{ output, cache },
      headsFirst: false,
      parts: tokens,
    });
    return { append: [append('ownKey', key), append('ownValue', value)] };
  }

  async free(): Promise<void> {
    await this.#run.scope.free([...this.#blocks.values()].flatMap(({ Key, Value }) => [Key, Value]));
  }
}
