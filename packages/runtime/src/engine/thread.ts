import { parentPort, workerData } from 'node:worker_threads';
import { env, type InferenceSession, Tensor } from 'onnxruntime-node';
import { type AdamWStep, adamW, addTo, sumOfSquares } from './adamw.js';
import { KeyValueCache } from './cache.js';
import { DeviceMemory, release } from './device-memory.js';
import { Garbage } from './garbage.js';
import { HeldTensors } from './held.js';
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
  WorkerOptions,
} from './protocol.js';
import { openSession } from './session.js';
import { readFloats, writeFloats } from './tensor-file.js';

// What goes wrong comes as an exception, so it need not be printed too.
env.logLevel = 'fatal';

/**
 * Runs in a worker thread, because ONNX Runtime blocks the thread it is called from. Holds sessions
 * and the tensors that pass from one run to the next, so that hidden states never cross threads.
 */
const options = workerData as WorkerOptions;
const sessions = new Map<string, OpenSession>();
const deviceMemory = new DeviceMemory(options);
const garbage = new Garbage();
const held = new HeldTensors(options.deviceMemory, deviceMemory, garbage);
const caches = new Map<string, KeyValueCache>();

interface OpenSession {
  readonly session: InferenceSession;
  /** ONNX Runtime 1.30 wants all outputs taken of a session that leaves some on the device. */
  readonly takesAll: boolean;
}

const none: Results = [];

async function execute(command: Command): Promise<Results> {
  switch (command.kind) {
    case 'open':
      sessions.set(command.session, {
        session: await openSession(command.model, options, command.placement),
        takesAll: command.placement.onDevice.length > 0,
      });
      return none;
    case 'close':
      await held.outlast(command.session);
      await sessions.get(command.session)?.session.release();
      sessions.delete(command.session);
      return none;
    case 'put':
      await held.set(command.name, toTensor(command.tensor));
      return none;
    case 'take':
      return [{ [command.name]: fromTensor(await held.read(command.name)) }];
    case 'save':
      writeFloats(command.file, await Promise.all(command.names.map(numbersOf)));
      return none;
    case 'load':
      await loadTensors(command.file, command.tensors);
      return none;
    case 'drop':
      for (const name of command.names) {
        held.delete(name);
        caches.delete(name);
      }
      return none;
    case 'end':
      // Before the sessions that have computed them: see `HeldTensors.outlast`.
      held.clear();
      for (const { session } of sessions.values()) await session.release();
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
        .reduce((total, name) => total + sumOfSquares(floatsOf(name)), 0);
      return [{ sum: { dtype: 'float64', dims: [], data: Float64Array.of(sum) } }];
    }
    case 'learn':
      for (const tensor of command.tensors) if (held.has(tensor.gradient)) learn(tensor, command.step);
      return none;
  }
}

async function runStep(step: Step): Promise<Record<string, TensorData>> {
  const open = sessions.get(step.session);
  if (!open) throw new Error(`There is no session ${step.session}.`);
  const { session, takesAll } = open;
  const feeds = Object.fromEntries(Object.entries(step.feeds).map(([name, feed]) => [name, resolve(feed)]));
  for (const name of session.inputNames) feeds[name] ??= held.get(name);
  const fetch = step.fetch ?? [];
  const hold = Object.entries(step.hold ?? {});
  const { append = [], add = [] } = step;
  const kept = new Set(hold.map(([output]) => output));
  const wanted = [...fetch, ...kept, ...append.map(({ output }) => output), ...add];
  const outputs = await session.run(feeds, takesAll ? session.outputNames : wanted);
  for (const part of append) cacheOf(part.cache).append(outputs[part.output]!.data as Float32Array, part);
  for (const name of add) {
    if (held.has(name)) addTo(floatsOf(name), outputs[name]!.data as Float32Array);
    else await held.set(name, outputs[name]!);
  }
  const results: Record<string, TensorData> = {};
  for (const name of fetch) results[name] = fromTensor(await deviceMemory.read(outputs[name]!));
  for (const [output, name] of hold) await held.set(name, outputs[output]!, step.session);
  for (const [output, tensor] of Object.entries(outputs)) {
    if (kept.has(output)) continue;
    garbage.add(tensor);
    release(tensor);
  }
  return results;
}

function learn({ weightDecay, ...names }: Learning, step: AdamWStep): void {
  const [parameter, gradient] = [floatsOf(names.parameter), floatsOf(names.gradient)];
  const [mean, variance] = [floatsOf(names.mean), floatsOf(names.variance)];
  adamW({ parameter, gradient, mean, variance }, weightDecay, step);
}

function resolve(feed: Feed): Tensor {
  if ('held' in feed) return held.get(feed.held);
  return 'cache' in feed ? cacheOf(feed.cache).tensor : toTensor(feed);
}

function cacheOf(name: string): KeyValueCache {
  const cache = caches.get(name);
  if (!cache) throw new Error(`There is no cache ${name}.`);
  return cache;
}

/** The numbers of a held tensor that no run has left on the device; they change with it. */
const floatsOf = (name: string): Float32Array => held.get(name).data as Float32Array;

const numbersOf = async (name: string): Promise<Float32Array> => (await held.read(name)).data as Float32Array;

function toTensor({ dtype, dims, data }: TensorData): Tensor {
  return new Tensor(dtype, data as Float32Array, dims);
}

async function loadTensors(file: string, tensors: readonly FileTensor[]): Promise<void> {
  const counts = tensors.map(({ dims }) => dims.reduce((product, n) => product * n, 1));
  for (const [i, values] of readFloats(file, counts).entries()) {
    const { name, dims } = tensors[i]!;
    await held.set(name, new Tensor('float32', values, dims));
  }
}

function fromTensor(tensor: Tensor): TensorData {
  return { dtype: tensor.type, dims: tensor.dims, data: tensor.data } as TensorData;
}

parentPort?.on('message', async ({ id, command }: Request) => {
  const port = parentPort!;
  try {
    port.postMessage({ id, results: await execute(command) } satisfies Reply);
    garbage.sweep();
  } catch (error) {
    const { message = String(error), code } = error as Partial<NodeJS.ErrnoException>;
    port.postMessage({ id, error: message, code } satisfies Reply);
  } finally {
    // Nothing else keeps the thread alive.
    if (command.kind === 'end') port.close();
  }
});
