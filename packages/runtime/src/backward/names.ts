import type { HeldBatch } from '../forward/held.js';

/** Where a batch's hidden states before block `layer` are kept for the way down. */
export const inputName = (batch: HeldBatch, layer: number): string => `${batch.name}/input.${layer}`;

/** Where the gradient of the hidden states is that the way down has reached. */
export const gradientName = (batch: HeldBatch): string => `${batch.name}/gradient`;
