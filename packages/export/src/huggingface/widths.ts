import type { ArchitectureManifest } from '@moepress/checkpoint';
import { type Model, moeBlocks } from '@moepress/core';

/** Widths of all experts, in the order of layers and pools. */
export function expertWidths(model: Model): number[] {
  return moeBlocks(model).flatMap(({ ffn }) => ffn.pool.map(({ width }) => width));
}

/** The width of all experts if they have one and a stock config.json can state it, else null. */
export function stockWidth(model: Model, manifest: ArchitectureManifest): number | null {
  const [width, ...others] = new Set(expertWidths(model));
  return width !== undefined && others.length === 0 && isExpressible(width, model, manifest) ? width : null;
}

/** Whether a standard config.json cannot state the widths, because each expert has a different one. */
export function isRagged(model: Model, manifest: ArchitectureManifest): boolean {
  return expertWidths(model).length > 0 && stockWidth(model, manifest) === null;
}

/** The least width that is at least as large as every expert's and that a standard config.json can state. */
export function commonWidth(model: Model, manifest: ArchitectureManifest): number {
  let width = expertWidths(model).reduce((most, own) => Math.max(most, own), 1);
  // Ends at the latest at the shared expert's own width, which no routed expert exceeds.
  while (!isExpressible(width, model, manifest)) width++;
  return width;
}

/**
 * Whether a standard config.json can state the width. Some families count the channels of the shared expert in units
 * of routed experts.
 */
function isExpressible(
  width: number,
  model: Model,
  { ffn: { shared }, keys }: ArchitectureManifest,
): boolean {
  if (width === 0) return false;
  if (shared?.unit !== 'experts') return true;
  return sharedWidths(model).every((own) => (keys.shared ? own % width === 0 : own === width));
}

export function sharedWidths(model: Model): number[] {
  return moeBlocks(model).flatMap(({ ffn }) => (ffn.shared ? [ffn.shared.mlp.width] : []));
}
