import { createInterface } from 'node:readline';
import { openModel } from '@moepress/checkpoint';
import type { Model, Statistic } from '@moepress/core';
import {
  expertHits,
  gatedOutputNorms,
  gateWeightSums,
  outputNorms,
  tokenMaskFisher,
  weightFisher,
} from '@moepress/graph';
import { calibrate, Engine, ModelRunner } from '@moepress/runtime';
import type { Question } from './side.js';

/**
 * moepress as a side of the table of peers: answers a question a line on standard input by a line on standard output.
 * Argument: the folder of the checkpoint. Weights are open all the time, as in a server.
 */
const model = await openModel(process.argv[2]!);
let runner: ModelRunner | undefined;

/** The runner, which stays open until statistics are collected. */
async function opened(): Promise<ModelRunner> {
  runner ??= await ModelRunner.open(model, { residency: 'resident' });
  return runner;
}

/** Statistics of each pass: those of REAP, those of Fisher's information, and the least that there is. */
const passes: Readonly<Record<string, readonly Statistic[]>> = {
  forward: [expertHits],
  calibrate: [expertHits, gatedOutputNorms, gateWeightSums, outputNorms],
  backward: [tokenMaskFisher, weightFisher],
};

async function pass(statistics: readonly Statistic[], prompts: Question['prompts'] = []): Promise<number> {
  await runner?.dispose();
  runner = undefined;
  await using engine = new Engine();
  const set = { source: 'benchmark', seed: 0, sequences: prompts };
  // Twice: the first time touches fresh memory, which is not what passes of minutes are made of.
  await calibrate(engine, { model, set: { ...set, sequences: prompts.slice(0, 1) }, statistics });
  const began = performance.now();
  await calibrate(engine, { model, set, statistics });
  return (performance.now() - began) / 1000;
}

/** Seconds after the first token of all sequences, as progress tells when that is. */
async function decoded(own: ModelRunner, { prompts = [], tokens = 1 }: Question): Promise<number> {
  let first: number | undefined;
  await own.generate(prompts, {
    maxNewTokens: 1 + tokens,
    eosTokenIds: [],
    progress: (event) => {
      if (event.type === 'advance') first ??= performance.now();
    },
  });
  return (performance.now() - first!) / 1000;
}

const once = { maxNewTokens: 1, eosTokenIds: [] } as const;

async function answer(question: Question, of: Model): Promise<object> {
  const { work, prompts = [] } = question;
  switch (work) {
    case 'describe':
      return { name: `moepress, ${of.blocks.length} layers` };
    case 'prefill': {
      const own = await opened();
      const began = performance.now();
      await own.generate(prompts, once);
      return { seconds: (performance.now() - began) / 1000 };
    }
    case 'decode':
      return { seconds: await decoded(await opened(), question) };
    default:
      return { seconds: await pass(passes[work]!, prompts) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = await answer(JSON.parse(line), model).catch((error) => ({ error: String(error) }));
  console.log(JSON.stringify(told));
}
await runner?.dispose();
