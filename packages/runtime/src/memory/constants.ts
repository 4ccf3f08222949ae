/** The amount by which the tokenizer, requests, answers and messages may still grow. */
export const processGrowth = 96 * 2 ** 20;

/** Results that wait to be collected, in each worker. */
export const uncollected = 96 * 2 ** 20;

/** Bytes of an open session for each node of its graph, including those of branches. */
export const nodeBytes = 10 * 2 ** 10;

/** An arena is in part filled with what does not fit together. */
export const arenaSlack = 1.4;

/** The factor on the memory of runs, and on what they leave to the C library, because of fragmentation. */
export const fragmentation = 1.05;

/** The same of runs that score or begin texts, of which no two are alike: measured, 1.2 x with few-shot texts of OLMoE's size. */
export const runFragmentation = 1.25;

/**
 * The same of the small values of derivatives, which keep much in between: measured, 1.6 x in a block of OLMoE with 512
 * tokens and 1.9 x with 2048.
 */
export const derivativeFragmentation = 2;

/**
 * Bytes from which on the C library maps each block of memory by itself and gives it back at once (`mallopt`,
 * `M_MMAP_THRESHOLD`: it grows to at most this much). What is smaller it keeps for the thread.
 */
export const leastMapped = 32 * 2 ** 20;

/**
 * The factor on large values for what operators take in addition to their outputs: measured, 1.1 x in heads of 50,000
 * to 200,000 tokens.
 */
export const mappedSlack = 1.15;
