/** Hidden states before block `block`; for the number of blocks, after the last one. */
export const hiddenKey = (block: number): string => `hidden.${block}`;

/** The gradient of those hidden states. */
export const gradientKey = (block: number): string => `gradient.${block}`;
