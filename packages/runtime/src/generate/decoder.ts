import type { Block, Model } from '@moepress/core';
import { cacheInput, cacheParts, type DecodePart, decodeGraph, ownOutput } from '../decoder/decode.js';
import type { Engine } from '../engine/engine.js';
import type { Feed, Step } from '../engine/protocol.js';
import { int32, tensor } from '../engine/tensor.js';
import { checkModelFinite } from '../forward/finite.js';
import { readAhead } from '../forward/read-ahead.js';
import { rotaryTables } from '../forward/rope.js';
import { type Chooser, chosenTokens } from './choose.js';
import type { Decoding } from './decoding.js';
import { cacheName, hiddenOf, type Lane } from './prefill.js';

/** Experts of the blocks of one part: larger graphs take longer to open than they save. */
const mostExperts = 512;

/** Neighbouring blocks that make one graph each. */
export function decodeParts({ blocks }: Pick<Model, 'blocks'>): DecodePart[] {
  const groups: Block[][] = [];
  let experts = Number.POSITIVE_INFINITY;
  for (const block of blocks) {
    const own = block.ffn.kind === 'moe' ? block.ffn.pool.length : 1;
    if (experts + own > mostExperts) {
      groups.push([]);
      experts = 0;
    }
    groups.at(-1)!.push(block);
    experts += own;
  }
  return groups.map((group, i) => ({ blocks: group, embeds: i === 0, heads: i === groups.length - 1 }));
}

/** A model whose weights are mapped all at once, ready to continue sequences. */
export class ResidentDecoder {
  readonly #engine: Engine;
  readonly #model: Model;
  readonly #parts: readonly DecodePart[];

  private constructor(engine: Engine, model: Model) {
    this.#engine = engine;
    this.#model = model;
    this.#parts = decodeParts(model);
  }

  static async open(engine: Engine, model: Model): Promise<ResidentDecoder> {
    const decoder = new ResidentDecoder(engine, model);
    try {
      for (const [i, part] of decoder.#parts.entries()) {
        await engine.open(sessionName(i), decodeGraph(model, part), { arena: true });
      }
      return decoder;
    } catch (error) {
      await decoder.close();
      throw error;
    }
  }

  /** The token that follows the newest one of each sequence; its keys and values go to the lane's caches. */
  async next(lane: Lane, decoding: Decoding, chooser?: Chooser): Promise<readonly number[]> {
    const common = stepFeeds(this.#model, decoding);
    const steps = this.#parts.map((part, i) =>
      stepOf(sessionName(i), { ...part, chooses: !!chooser }, lane, decoding, common),
    );
    const results = await lane.worker.run(steps);
    const last = results.at(-1)!;
    await checkModelFinite(this.#model, Number(last.finite!.data[0]));
    const places = decoding.places(last.token!.data as Int32Array);
    return chosenTokens(lane.worker, this.#model, hiddenOf(lane), places, chooser);
  }

  async close(): Promise<void> {
    for (const i of this.#parts.keys()) await this.#engine.close(sessionName(i));
  }
}

/** One token for each sequence of several lanes by a model of which one block is mapped at a time. */
export async function streamedNext(
  engine: Engine,
  model: Model,
  lanes: readonly { readonly lane: Lane; readonly decoding: Decoding }[],
  throwIfAborted: () => void,
  chooser?: Chooser,
): Promise<void> {
  const growing = lanes.map(({ lane, decoding }) => ({
    lane,
    decoding,
    worker: lane.worker,
    common: stepFeeds(model, decoding),
  }));
  const { blocks } = model;
  for (const [i, block] of blocks.entries()) {
    const part = { blocks: [block], embeds: i === 0, heads: i === blocks.length - 1, chooses: !!chooser };
    const session = 'generate/step';
    await engine.open(session, decodeGraph(model, part));
    const ahead = readAhead(blocks[i + 1]);
    try {
      await engine.spread(growing, async ({ lane, decoding, common }) => {
        throwIfAborted();
        const [results] = await lane.worker.run([stepOf(session, part, lane, decoding, common)]);
        if (!part.heads) return;
        await checkModelFinite(model, Number(results!.finite!.data[0]));
        const places = decoding.places(results!.token!.data as Int32Array);
        decoding.take(await chosenTokens(lane.worker, model, hiddenOf(lane), places, chooser));
      });
    } finally {
      await ahead.stop();
      await engine.close(session);
    }
  }
}

const sessionName = (part: number): string => `decode/${part}`;

/** What all blocks are fed alike: the tokens, their angles and how many are before each. */
type StepFeeds = Readonly<Record<string, Feed>>;

function stepFeeds({ config: { rope } }: Model, decoding: Decoding): StepFeeds {
  const { past, newest } = decoding;
  const { cos, sin } = rotaryTables(
    rope,
    Int32Array.from(past),
    past.map((length) => length + 1),
  );
  const int64 = (numbers: readonly number[]) => BigInt64Array.from(numbers, BigInt);
  return {
    ids: int32(newest!),
    cos: tensor('float32', [past.length, rope.dim / 2], cos),
    sin: tensor('float32', [past.length, rope.dim / 2], sin),
    order: tensor('int64', [1, past.length], int64([...past.keys()])),
    past: tensor('int64', [past.length], int64(past)),
  };
}

function stepOf(
  session: string,
  { blocks, embeds, heads, chooses }: DecodePart & { readonly chooses: boolean },
  lane: Lane,
  { past }: Decoding,
  { ids, ...common }: StepFeeds,
): Step {
  const caches = blocks.flatMap((block) =>
    cacheParts.map((part) => [cacheInput(part, block), { cache: cacheName(lane, block.index, part) }]),
  );
  const hidden = { held: hiddenOf(lane) };
  const rows = past.map((length, sequence) => ({
    sequence,
    start: length - lane.shared,
    rows: Int32Array.of(sequence),
  }));
  const append = (part: 'key' | 'value') => (block: Block) => ({
    output: ownOutput(part, block),
    cache: cacheName(lane, block.index, part === 'key' ? 'pastKey' : 'pastValue'),
    headsFirst: false,
    parts: rows,
  });
  return {
    session,
    feeds: { ...common, ...(embeds ? { ids: ids! } : { hidden }), ...Object.fromEntries(caches) },
    fetch: heads ? ['token', 'finite'] : [],
    hold: heads && !chooses ? {} : { hiddenOut: hidden.held },
    append: [...blocks.map(append('key')), ...blocks.map(append('value'))],
  };
}
