import {
  type Binding,
  importBinding,
  isMissing,
  type LlamaContext,
  type LlamaModel,
  type LlamaSequence,
} from './binding.js';
import type { Failure, GenerateOrder, OpenOrder, Order, Reply } from './messages.js';

/** The process that runs llama.cpp: what its code does to it happens to nobody else. */

const tell = (reply: Reply): void => {
  process.send!(reply);
};
const fail = (why: Failure['why'], error: unknown) =>
  tell({ failed: { why, message: String((error as Error | undefined)?.message ?? error) } });

let model: LlamaModel;
let threads = 1;
/** Prompts of which nothing more is wanted. */
let enough = new Set<number>();

async function open(order: OpenOrder): Promise<void> {
  let binding: Binding;
  try {
    binding = await importBinding(order.from);
  } catch (error) {
    fail(isMissing(error) ? 'missing' : 'refused', error);
    return;
  }
  try {
    const llama = await binding.getLlama({
      gpu: order.gpu,
      build: 'never',
      skipDownload: true,
      logLevel: 'error',
    });
    model = await llama.loadModel({ modelPath: order.file });
    threads = order.threads;
    const facts = { release: llama.llamaCppRelease.release, gpu: llama.gpu };
    tell({ opened: { ...facts, binding: (await binding.getModuleVersion?.()) ?? 'unknown' } });
  } catch (error) {
    fail((error as Error).name === 'NoBinaryFoundError' ? 'missing' : 'refused', error);
  }
}

/** The context that is open, with its sequences. */
let opened: { context: LlamaContext; sequences: LlamaSequence[]; contextSize: number } | null = null;

/** Contexts are made as large as what they are for, and kept as long as they are large enough. */
async function sequencesFor(count: number, tokens: number): Promise<LlamaSequence[]> {
  if (opened && opened.contextSize >= tokens && opened.sequences.length >= count) return opened.sequences;
  await opened?.context.dispose();
  opened = null;
  const contextSize = Math.ceil(tokens / 256) * 256;
  const context = await model.createContext({
    sequences: count,
    contextSize,
    threads: { ideal: threads, min: threads },
    flashAttention: false,
    swaFullCache: true,
  });
  const sequences = Array.from({ length: count }, () => context.getSequence());
  opened = { context, sequences, contextSize };
  return sequences;
}

async function generate(order: GenerateOrder): Promise<void> {
  const { prompts, maxNewTokens } = order;
  enough = new Set();
  const tokens = prompts.reduce((most, prompt) => Math.max(most, prompt.length), 0) + maxNewTokens + 1;
  const count = Math.min(order.sequences, prompts.length);
  const sequences = (await sequencesFor(count, tokens)).slice(0, count);
  let next = 0;
  await Promise.all(
    sequences.map(async (sequence) => {
      while (next < prompts.length) await continuePrompt(sequence, next++, order);
    }),
  );
  tell({ finished: true });
}

async function continuePrompt(sequence: LlamaSequence, index: number, order: GenerateOrder): Promise<void> {
  const { prompts, maxNewTokens, eosTokenIds, drawn } = order;
  const prompt = prompts[index]!;
  // What the state has of the prompt stays, but for its last token, which the first new one comes from.
  await sequence.adaptStateToTokens(prompt.slice(0, -1), false);
  const rest = prompt.slice(sequence.nextTokenIndex);
  const choice = drawn
    ? {
        temperature: drawn.temperature,
        topP: drawn.topP,
        topK: drawn.topK,
        seed: drawn.seeds[index]!,
      }
    : { temperature: 0 };
  let count = 0;
  for await (const token of sequence.evaluate(rest, { ...choice, yieldEogToken: true })) {
    if (enough.has(index)) break;
    tell({ token, of: index });
    count++;
    if (count >= maxNewTokens || eosTokenIds.includes(token)) break;
  }
}

process.on('message', (order: Order) => {
  if ('open' in order) void open(order.open);
  else if ('generate' in order) generate(order.generate).catch((error) => fail('refused', error));
  else enough.add(order.enough);
});

process.on('disconnect', () => process.exit());
