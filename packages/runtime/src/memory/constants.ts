/** What the tokenizer, requests, answers and messages may still grow by. */
export const processGrowth = 96 * 2 ** 20;

/** Results that wait to be collected, in each worker. */
export const uncollected = 96 * 2 ** 20;

/** What an open session takes for each node of its graph, those of branches included. */
export const nodeBytes = 10 * 2 ** 10;

/** An arena is in part filled with what does not fit together. */
export const arenaSlack = 1.4;

/** Of what a run takes, and of what it leaves to the C library, not all fits together. */
export const fragmentation = 1.05;

/** The same of runs that score or begin texts, of which no two are alike: measured, 1.2 x with few-shot texts of OLMoE's size. */
export const runFragmentation = 1.25;

/**
 * The same of derivatives, which keep much in between: measured, 1.9 x in a block of OLMoE with 2048 tokens. Blocks of
 * memory above 32 MiB, such as logits, the C library gives back at once; what is smaller it keeps for this thread.
 */
export const derivativeFragmentation = 2;
