/**
 * llama.cpp as a peer of the benchmarks, through node-llama-cpp: a question a line on standard input, its answer a line on
 * standard output, as in transformers_side.py. Arguments: the folder in which node-llama-cpp is installed, a GGUF file.
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, modelPath] = process.argv.slice(2);
const main = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp');
const { getLlama } = await import(pathToFileURL(main).href);
const threads = availableParallelism();
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
const model = await llama.loadModel({ modelPath, gpuLayers: 0 });

/** Sequences of one context, which are in one batch as far as they are asked side by side. */
async function within(count, tokens, use) {
  const batchSize = Math.min(2048, Math.max(512, count * tokens));
  const context = await model.createContext({ sequences: count, contextSize: tokens, batchSize, threads });
  try {
    return await use(Array.from({ length: count }, () => context.getSequence()));
  } finally {
    await context.dispose();
  }
}

/** Seconds until every sequence has been read, with the first new token of each. */
function prefill({ prompts }) {
  return within(1, prompts[0].length + 8, async ([sequence]) => {
    const began = performance.now();
    for (const ids of prompts) {
      await sequence.clearHistory();
      for await (const _ of sequence.evaluate(ids, { temperature: 0 })) break;
    }
    return (performance.now() - began) / 1000;
  });
}

/** Seconds from the first new token of every sequence to the last of all. */
function decode({ prompts, tokens }) {
  return within(prompts.length, prompts[0].length + tokens + 8, async (sequences) => {
    const firsts = [];
    await Promise.all(
      prompts.map(async (ids, i) => {
        let count = 0;
        for await (const _ of sequences[i].evaluate(ids, { temperature: 0, yieldEogToken: true })) {
          if (count++ === 0) firsts.push(performance.now());
          if (count > tokens) break;
        }
      }),
    );
    return (performance.now() - Math.max(...firsts)) / 1000;
  });
}

const works = { prefill, decode };
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let answer;
  try {
    if (question.work === 'describe') answer = { name: `llama.cpp ${llama.llamaCppRelease.release}, f16` };
    else if (!works[question.work]) answer = { error: `${question.work} is nothing that it does.` };
    else answer = { seconds: await works[question.work](question) };
  } catch (error) {
    answer = { error: String(error) };
  }
  console.log(JSON.stringify(answer));
}
process.exit(0);
