import { type Block, type Model, type Rope, throwIfAborted, type Work } from '@moepress/core';
import { cacheInput, cacheOutputsOf, cachePartsOf, ownOutput } from '../decoder/cache-parts.js';
import { type DecodePart, decodeGraph, decodeHeadGraph, decodeParts } from '../decoder/decode.js';
import { tableName } from '../decoder/step-mixers.js';
import type { Append, Feeds, Session, Step } from '../engine/handles.js';
import { int32, type TensorData, tensor } from '../engine/protocol.js';
import type { SessionPool } from '../engine/session-pool.js';
import { assertModelFinite } from '../forward/finite.js';
import { queryFactorTensors } from '../forward/layout-tensors.js';
import type { ModelRun } from '../forward/model-run.js';
import { walkBlocks } from '../forward/walk-blocks.js';
import { ropesOf } from '../tokens/ropes.js';
import { rotaryTables } from '../tokens/rotary-tables.js';
import type { TokenPicker } from './choose.js';
import type { Decoding } from './decoding.js';
import type { Lane } from './prefill.js';

/** A model whose weights are mapped all at once, ready to continue sequences. */
export class ResidentDecoder {
  readonly #model: Model;
  readonly #parts: readonly (DecodePart & { readonly session: Session })[];
  readonly #head: Session;

  private constructor(
    model: Model,
    parts: readonly (DecodePart & { readonly session: Session })[],
    head: Session,
  ) {
    this.#model = model;
    this.#parts = parts;
    this.#head = head;
  }

  /** Its sessions stay open as long as the pool's scope. Throws `ABORTED` between two of them. */
  static async open(
    sessions: SessionPool,
    model: Model,
    { signal }: Pick<Work, 'signal'> = {},
  ): Promise<ResidentDecoder> {
    const parts: (DecodePart & { readonly session: Session })[] = [];
    for (const [i, part] of decodeParts(model).entries()) {
      const graph = () => decodeGraph(model, part);
      parts.push({ ...part, session: await sessions.open(`decode.${i}`, graph, { arena: true }) });
      throwIfAborted(signal);
    }
    const head = await sessions.open('decode.head', () => decodeHeadGraph(model), { arena: true });
    return new ResidentDecoder(model, parts, head);
  }

  /** The token that follows the newest one of each sequence; its keys and values go to the lane's caches. */
  async next(lane: Lane, decoding: Decoding, picker: TokenPicker): Promise<readonly number[]> {
    const growth = growthOf(this.#model, { lane, decoding, picker });
    const steps = this.#parts.map((part) => stepOf(part, growth));
    const head = { session: this.#head, feeds: { normed: lane.normed }, fetch: ['token', 'finite'] };
    const results = await lane.worker.run([...steps, head]);
    const last = results.at(-1)!;
    await assertModelFinite(this.#model, Number(last.finite!.data[0]));
    return picker.pick(lane.hidden, decoding.places(last.token!.data as Int32Array));
  }
}

/** One token for each sequence of several lanes by a model of which one block is mapped at a time. */
export async function streamedNext(
  { engine, model, sessions }: ModelRun,
  lanes: readonly { readonly lane: Lane; readonly decoding: Decoding }[],
  picker: TokenPicker,
  { signal }: Pick<Work, 'signal'>,
): Promise<void> {
  const growing = lanes.map((own) => ({ ...growthOf(model, { ...own, picker }), worker: own.lane.worker }));
  const { blocks } = model;
  const steps = blocks.map((block, i) => {
    const part = { blocks: [block], embeds: i === 0, heads: i === blocks.length - 1 };
    return { block, part, name: `decode.${i}`, graph: () => decodeGraph(model, part) };
  });
  await walkBlocks(
    sessions,
    steps,
    async ({ part }, session) => {
      await engine.spread(growing, async (growth) => {
        throwIfAborted(signal);
        const { lane, decoding } = growth;
        const [results] = await lane.worker.run([stepOf({ ...part, session }, growth)]);
        if (!part.heads) return;
        await assertModelFinite(model, Number(results!.finite!.data[0]));
        const places = decoding.places(results!.token!.data as Int32Array);
        decoding.take(await picker.pick(lane.hidden, places));
      });
    },
    { signal },
  );
}

/** Sequences that grow by a token, and what all blocks are fed alike: the tokens, their angles and how many are before each. */
export interface Growth {
  readonly lane: Lane;
  readonly decoding: Decoding;
  readonly picker: TokenPicker;
  readonly common: Feeds;
}

export function growthOf(model: Model, growing: Omit<Growth, 'common'>): Growth {
  const { past, newest } = growing.decoding;
  const positions = Int32Array.from(past);
  const int64 = (numbers: readonly number[]) => BigInt64Array.from(numbers, BigInt);
  const common = {
    ids: int32(newest!),
    ...Object.fromEntries(ropesOf(model).flatMap((rope) => anglesOf(rope, model, past))),
    order: tensor('int64', [1, past.length], int64([...past.keys()])),
    past: tensor('int64', [past.length], int64(past)),
    ...Object.fromEntries(queryFactorTensors(model, positions).map(({ input, tensor: own }) => [input, own])),
  };
  return { ...growing, common };
}

/** The angles of the newest token of each sequence, by the inputs of the blocks' graphs. */
function anglesOf(rope: Rope, model: Model, past: readonly number[]): [string, TensorData][] {
  const lengths = past.map((length) => length + 1);
  const { cos, sin } = rotaryTables(rope, Int32Array.from(past), lengths);
  const name = tableName(rope, model);
  const dims = [past.length, rope.dim / 2];
  return [
    [name('cos'), tensor('float32', dims, cos)],
    [name('sin'), tensor('float32', dims, sin)],
  ];
}

function stepOf(
  { session, blocks, heads }: DecodePart & { readonly session: Session },
  growth: Growth,
): Step {
  const { lane, picker, common } = growth;
  return {
    session,
    feeds: { ...common, hidden: lane.hidden, ...cacheFeeds(blocks, growth) },
    fetch: heads === true ? ['token', 'finite'] : [],
    keep: {
      ...(!(heads && !picker.isNeeded) && { hiddenOut: lane.hidden }),
      ...(heads === 'apart' && { normed: lane.normed }),
    },
    append: appends(blocks, growth),
  };
}

/** The caches of some blocks, by the inputs that they are fed to. */
export function cacheFeeds(blocks: readonly Block[], { lane }: Growth): Feeds {
  const caches = blocks.flatMap((block) => {
    const own = lane.caches.get(block.index)!;
    return cachePartsOf(block).map((part) => [cacheInput(part, block), own[part]!]);
  });
  return Object.fromEntries(caches);
}

/** Where what the newest tokens leave in some blocks goes. */
export function appends(blocks: readonly Block[], { lane, decoding: { past } }: Growth): Append[] {
  const rows = (startOf: (length: number) => number) =>
    past.map((length, sequence) => ({ sequence, start: startOf(length), rows: Int32Array.of(sequence) }));
  const [next, first] = [rows((length) => length - lane.shared), rows(() => 0)];
  return blocks.flatMap((block) =>
    cacheOutputsOf(block).map(({ own, cache, single }) => ({
      output: ownOutput(own, block),
      cache: lane.caches.get(block.index)![cache]!,
      headsFirst: false,
      parts: single ? first : next,
    })),
  );
}
