import { parentPort } from 'node:worker_threads';
import { env, type InferenceSession, Tensor } from 'onnxruntime-node';
import { type AdamWStep, adamW, addTo, sumOfSquares } from './adamw.js';
import { KeyValueCache } from './cache.js';
import type {
  Command,
  Feed,
  FileTensor,
  Learning,
  Reply,
  Request,
  Results,
  Step,
  TensorData,
} from './protocol.js';
import { openSession } from './session.js';
import { readFloats, writeFloats } from './tensor-file.js';

// What goes wrong comes as an exception, so it need not be printed too.
env.logLevel = 'fatal';

/**
 * Runs in a worker thread, because ONNX Runtime blocks the thread it is called from. Holds sessions
 * and the tensors that pass from one run to the next, so that hidden states never cross threads.
 */
const sessions = new Map<string, InferenceSession>();
const held = new Map<string, Tensor>();
const caches = new Map<string, KeyValueCache>();

const none: Results = [];

async function execute(command: Command): Promise<Results> {
  switch (command.kind) {
    case 'open':
      sessions.set(command.session, await openSession(command.model, command.placement));
      return none;
    case 'close':
      await sessions.get(command.session)?.release();
      sessions.delete(command.session);
      return none;
    case 'put':
      held.set(command.name, toTensor(command.tensor));
      return none;
    case 'take':
      return [{ [command.name]: fromTensor(heldTensor(command.name)) }];
    case 'save':
      writeFloats(command.file, command.names.map(heldFloats));
      return none;
    case 'load':
      loadTensors(command.file, command.tensors);
      return none;
    case 'drop':
      for (const name of command.names) {
        held.delete(name);
        caches.delete(name);
      }
      return none;
    case 'cache':
      caches.set(command.name, new KeyValueCache(command.shape));
      return none;
    case 'run': {
      const results: Record<string, TensorData>[] = [];
      for (const step of command.steps) results.push(await runStep(step));
      return results;
    }
    case 'square': {
      const sum = command.names
        .filter((name) => held.has(name))
        .reduce((total, name) => total + sumOfSquares(heldFloats(name)), 0);
      return [{ sum: { dtype: 'float64', dims: [], data: Float64Array.of(sum) } }];
    }
    case 'learn':
      for (const tensor of command.tensors) if (held.has(tensor.gradient)) learn(tensor, command.step);
      return none;
  }
}

async function runStep(step: Step): Promise<Record<string, TensorData>> {
  const session = sessions.get(step.session);
  if (!session) throw new Error(`There is no session ${step.session}.`);
  const feeds = Object.fromEntries(Object.entries(step.feeds).map(([name, feed]) => [name, resolve(feed)]));
  for (const name of session.inputNames) feeds[name] ??= heldTensor(name);
  const fetch = step.fetch ?? [];
  const hold = Object.entries(step.hold ?? {});
  const { append = [], add = [] } = step;
  const wanted = [...fetch, ...hold.map(([output]) => output), ...append.map(({ output }) => output), ...add];
  const outputs = await session.run(feeds, wanted);
  for (const [output, name] of hold) held.set(name, outputs[output] as Tensor);
  for (const part of append) cacheOf(part.cache).append(outputs[part.output]!.data as Float32Array, part);
  for (const name of add) {
    if (held.has(name)) addTo(heldFloats(name), outputs[name]!.data as Float32Array);
    else held.set(name, outputs[name] as Tensor);
  }
  return Object.fromEntries(fetch.map((name) => [name, fromTensor(outputs[name] as Tensor)]));
}

function learn({ weightDecay, ...names }: Learning, step: AdamWStep): void {
  const [parameter, gradient] = [heldFloats(names.parameter), heldFloats(names.gradient)];
  const [mean, variance] = [heldFloats(names.mean), heldFloats(names.variance)];
  adamW({ parameter, gradient, mean, variance }, weightDecay, step);
}

function resolve(feed: Feed): Tensor {
  if ('held' in feed) return heldTensor(feed.held);
  return 'cache' in feed ? cacheOf(feed.cache).tensor : toTensor(feed);
}

function cacheOf(name: string): KeyValueCache {
  const cache = caches.get(name);
  if (!cache) throw new Error(`There is no cache ${name}.`);
  return cache;
}

function heldTensor(name: string): Tensor {
  const tensor = held.get(name);
  if (!tensor) throw new Error(`No tensor is held as ${name}.`);
  return tensor;
}

const heldFloats = (name: string): Float32Array => heldTensor(name).data as Float32Array;

function toTensor({ dtype, dims, data }: TensorData): Tensor {
  return new Tensor(dtype, data as Float32Array, dims);
}

function loadTensors(file: string, tensors: readonly FileTensor[]): void {
  const counts = tensors.map(({ dims }) => dims.reduce((product, n) => product * n, 1));
  for (const [i, values] of readFloats(file, counts).entries()) {
    const { name, dims } = tensors[i]!;
    held.set(name, new Tensor('float32', values, dims));
  }
}

function fromTensor(tensor: Tensor): TensorData {
  return { dtype: tensor.type, dims: tensor.dims, data: tensor.data } as TensorData;
}

parentPort?.on('message', async ({ id, command }: Request) => {
  const port = parentPort!;
  try {
    port.postMessage({ id, results: await execute(command) } satisfies Reply);
  } catch (error) {
    const { message = String(error), code } = error as Partial<NodeJS.ErrnoException>;
    port.postMessage({ id, error: message, code } satisfies Reply);
  }
});
