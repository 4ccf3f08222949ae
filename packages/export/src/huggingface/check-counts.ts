import { findArchitecture, stockConfig } from '@moepress/checkpoint';
import { type Model, moeBlocks } from '@moepress/core';
import { writtenConfig } from './config.js';
import { droppedParts } from './dropped-parts.js';
import { arrange, type ExpertLayout } from './layout.js';
import { isConstant } from './placement.js';

/**
 * Finds out whether a layout has room for layers that keep different numbers of experts or select different numbers, lack parts, or have experts that
 * yield constants, by a view of such layers; nothing is read or written. Throws `CONFIG_UNSUPPORTED` where it has not, as
 * `writeHuggingFace` would.
 */
export function checkCounts(view: Model, layout: ExpertLayout): void {
  const blocks = moeBlocks(view);
  const counts = new Set(blocks.map(({ ffn: { slots, router } }) => `${slots.length} ${router.topK}`));
  const manifest = findArchitecture(view.architecture, view.id);
  const dropped = droppedParts(view, manifest, stockConfig(view.source.config, manifest));
  const constants = blocks.some(({ ffn }) => ffn.pool.some(isConstant));
  if (counts.size <= 1 && dropped.length === 0 && !constants) return;
  writtenConfig(arrange(view, manifest, layout), { plan: undefined, quantised: false });
}
