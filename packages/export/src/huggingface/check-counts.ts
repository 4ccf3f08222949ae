import { findArchitecture } from '@moepress/checkpoint';
import { type Model, moeBlocks } from '@moepress/core';
import { writtenConfig } from './config.js';
import { arrange, type ExpertLayout } from './layout.js';

/**
 * Finds out whether a layout has room for layers that keep different numbers of experts, by a view of such layers; nothing is
 * read or written. Throws `CONFIG_UNSUPPORTED` where it has not, as `writeHuggingFace` would.
 */
export function checkCounts(view: Model, layout: ExpertLayout): void {
  const counts = new Set(moeBlocks(view).map(({ ffn }) => ffn.slots.length));
  if (counts.size <= 1) return;
  const manifest = findArchitecture(view.architecture, view.id);
  writtenConfig(arrange(view, manifest, layout), { plan: undefined, quantised: false });
}
