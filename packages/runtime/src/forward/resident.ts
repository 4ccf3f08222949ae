import type { Block, Model, Work } from '@moepress/core';
import { throwIfAborted } from '@moepress/core';
import { blockGraph } from '../decoder/block.js';
import { embedGraph, nextTokenHeadGraph, scoringHeadGraph } from '../decoder/ends.js';
import type { Engine } from '../engine/engine.js';
import type { Feed } from '../engine/protocol.js';
import { type BlockSessions, scoringHead, type UseBlock } from './blocks.js';
import type { HeldBatch } from './held.js';
import { type Past, pastFeeds } from './past.js';

/**
 * All blocks open at once, with keys and values going in and out: for generation, and for models
 * whose mapped weights fit the page cache.
 */
export class ResidentBlocks implements BlockSessions {
  readonly #engine: Engine;
  readonly #model: Model;
  readonly #outputs = new Map<number, readonly string[]>();
  #head: Promise<void> | undefined;

  private constructor(engine: Engine, model: Model) {
    this.#engine = engine;
    this.#model = model;
  }

  /** Opens every session; an aborted or failed opening leaves none behind. */
  static async open(engine: Engine, model: Model, work: Work = {}): Promise<ResidentBlocks> {
    const resident = new ResidentBlocks(engine, model);
    try {
      if (engine.traits.attention === 'padded') {
        await engine.open('embed', embedGraph(model));
        await engine.open('next-token', nextTokenHeadGraph(model));
      }
      for (const block of model.blocks) {
        throwIfAborted(work.signal);
        await resident.#openBlock(block);
      }
      return resident;
    } catch (error) {
      await resident.close();
      throw error;
    }
  }

  async #openBlock(block: Block): Promise<void> {
    const graph = blockGraph(this.#model, block, { cache: true, routing: true }, this.#engine.traits);
    await this.#engine.open(this.session(block), graph);
    this.#outputs.set(
      block.index,
      graph.outputs.map(({ name }) => name),
    );
  }

  session(block: Block): string {
    return `resident.${block.index}`;
  }

  async each(use: UseBlock, work: Work = {}): Promise<void> {
    for (const block of this.#model.blocks) {
      throwIfAborted(work.signal);
      await use(block, this.session(block), this.#outputs.get(block.index)!);
    }
  }

  extraFeeds(batch: HeldBatch, block: Block, past?: Past): Record<string, Feed> {
    return pastFeeds(batch, block, this.#engine.traits, past);
  }

  /** Stays open from the first time on. */
  async withScoringHead<R>(use: (session: string) => Promise<R>): Promise<R> {
    this.#head ??= this.#engine.open(scoringHead, scoringHeadGraph(this.#model));
    await this.#head.catch((error) => {
      this.#head = undefined;
      throw error;
    });
    return use(scoringHead);
  }

  async close(): Promise<void> {
    const sessions = [
      'embed',
      'next-token',
      scoringHead,
      ...this.#model.blocks.map((block) => this.session(block)),
    ];
    await Promise.all(sessions.map((session) => this.#engine.close(session)));
  }
}
