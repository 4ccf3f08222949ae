/**
 * `node packages/moepress/scripts/compare-engines.mjs [model] [task] [limit] [sequences]`, in a folder where
 * node-llama-cpp is installed: scores a task of generated texts with our own runtime and with llama.cpp, and lists the texts
 * that differ, with how much likelier our token was than theirs where they part, in nats. The default is all of tiny_gsm.
 */
import { evaluate, openModel, openSession } from '../dist/src/index.js';

const [id = 'tiny', task = 'tiny_gsm', limit, sequences] = process.argv.slice(2);
const model = await openModel(id);
const asked = { tasks: [task], cache: false, ...(limit && { limit: Number(limit) }) };

async function scored(options) {
  const texts = [];
  const session = await openSession(model, options);
  const generate = session.generate.bind(session);
  session.generate = async (prompts, rules) => {
    const answers = await generate(prompts, rules);
    prompts.forEach((prompt, i) => {
      texts.push({ prompt, answer: answers[i] });
    });
    return answers;
  };
  const started = performance.now();
  const { record } = await evaluate(model, { ...asked, session });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  await session.close();
  console.log(`${options.engine}: ${seconds} s, ${JSON.stringify(record.results[task])}`);
  return new Map(texts.map(({ prompt, answer }) => [prompt.join(), { prompt, answer }]));
}

const ours = await scored({ engine: 'onnxruntime' });
const theirs = await scored({
  engine: 'llama-cpp',
  ...(sequences && { engineSequences: Number(sequences) }),
});

const different = [...ours].filter(([key, { answer }]) => answer.join() !== theirs.get(key).answer.join());
const session = await openSession(model);
for (const [key, { prompt, answer }] of different) {
  const other = theirs.get(key).answer;
  const at = answer.findIndex((token, i) => token !== other[i]);
  const before = [...prompt, ...answer.slice(0, at)];
  const [own, their] = await session.score(
    [answer[at], other[at]].map((token) => ({ ids: [...before, token], from: before.length })),
  );
  const margin = own.logprob - their.logprob;
  console.log(`token ${at}: ${answer[at]} here, ${other[at]} there, ${margin.toExponential(1)} nats apart`);
}
console.log(`${different.length} of ${ours.size} texts differ`);
await session.close();
