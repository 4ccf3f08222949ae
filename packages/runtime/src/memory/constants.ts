/**
 * The amount by which the main thread may still grow: graphs that it makes, messages, answers. Measured, 8 MB for the graph
 * of a block and 20 MB from the plan of a calibration to its end, of which V8 has most by then: its heap shrank by 50 MB.
 */
export const processGrowth = 20 * 2 ** 20;

/**
 * Bytes that the main thread may grow by in addition where it opens the blocks of a model one after the other and answers
 * calls again and again, in any case and for each block; twice the first in training. Measured, 50 MB in all for 2 layers of OLMoE,
 * 77 MB for 4 and 104 MB for 16.
 */
export const [answerGrowth, openedBlockBytes] = [44 * 2 ** 20, 3 * 2 ** 20];

/**
 * Bytes that the main thread may grow by for each block that views are compared through, again and again in a search: graphs
 * that it makes, names of states, and what waits to be collected. Measured, 5 MB for each of 16 layers of OLMoE in a search by
 * CD-MoE.
 */
export const comparedBlockBytes = 8 * 2 ** 20;

/** A worker that computes nothing: measured, 12 MB for the thread, and 13 MB for ONNX Runtime at its first session. */
export const threadBytes = 28 * 2 ** 20;

/** Results that wait to be collected in each worker, at most: the engine's threads collect them when it is as much. */
export const uncollected = 64 * 2 ** 20;

/**
 * Bytes of an open session for each node of its graph, including those of branches: measured, 8.5 kB in blocks of OLMoE (1,568
 * nodes) and 5 to 9 kB in those of Qwen3-30B-A3B (3,047).
 */
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
 * The same of the small values of inner products, which are stretches of all weights at once: measured, with the 64 experts
 * of a layer of OLMoE, 1.4 x after two layers and 1.7 x after sixteen. And of the outputs of all experts at once: 2.2 x with
 * the 128 of Qwen3-30B-A3B, of which what a run takes in all is 1.2 x less than is counted then.
 */
export const gramFragmentation = 2;

/**
 * The same of keys and values that grow some tokens at a time, each time into memory of their own while what they leave is not
 * yet free: measured, 1.6 x in the 32 caches of 16 layers of OLMoE, of 7 to 9 MB each, which grew four times.
 */
export const cacheFragmentation = 1.6;

/**
 * Bytes from which on the C library maps each block of memory by itself and gives it back at once (`mallopt`,
 * `M_MMAP_THRESHOLD`: it grows to at most this much). What is smaller it keeps for the thread.
 */
export const leastMapped = 32 * 2 ** 20;

/**
 * Bytes that a small value takes of what the C library keeps for a thread. That comes in heaps of 64 MiB (`malloc`,
 * `HEAP_MAX_SIZE`), and two values that leave less than an eighth of one to everything else do not share one: measured,
 * 2.2 x what is live in blocks of gpt-oss, whose experts are matrices of 31.6 MiB.
 */
export function heapBytes(bytes: number): number {
  const heap = 64 * 2 ** 20;
  return bytes > (7 / 16) * heap && bytes < leastMapped ? heap : bytes;
}

/**
 * The factor on large values for what operators take in addition to their outputs: measured, 1.1 x in the heads of
 * vocabularies of 50,000 to 200,000 tokens, and half as much again for what was not measured.
 */
export const mappedSlack = 1.15;
