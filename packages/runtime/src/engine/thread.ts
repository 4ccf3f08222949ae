import { parentPort, workerData } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-common';
import { FewMember } from '../few/few-member.js';
import { type AdamWStep, adamW, addTo, sumOfSquares } from './adamw.js';
import { DeviceMemory, release } from './device-memory.js';
import { Garbage } from './garbage.js';
import { KeyValueCache } from './key-value-cache.js';
import { env, Tensor } from './onnx-runtime.js';
import { openSession } from './onnx-session.js';
import type {
  Command,
  FeedMessage,
  LearningMessage,
  Reply,
  Request,
  Results,
  StepMessage,
  TensorData,
  WorkerOptions,
} from './protocol.js';
import { readFloats, writeFloats } from './tensor-file.js';
import { TensorStore } from './tensor-store.js';

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
const store = new TensorStore(options.deviceMemory, deviceMemory, garbage);
const caches = new Map<string, KeyValueCache>();
const few = new FewMember(
  async (id, x, width) => {
    const feeds = { x: new Tensor('float32', x, [x.length / width, width]) };
    const { y } = await sessionOf(id).session.run(feeds, ['y']);
    garbage.add(y!);
    return y!.data as Float32Array;
  },
  (bytes) => garbage.addBytes(bytes),
);

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
      for (const id of command.sessions) {
        await store.detachFromSession(id);
        await sessions.get(id)?.session.release();
        sessions.delete(id);
      }
      return none;
    case 'put':
      for (const [id, tensor] of command.tensors) await store.set(id, toTensor(tensor));
      return none;
    case 'read':
      return [{ tensor: fromTensor(await store.read(command.tensor)) }];
    case 'save':
      writeFloats(command.file, await Promise.all(command.tensors.map(numbersOf)));
      return none;
    case 'load':
      await loadTensors(command.file, command.tensors);
      return none;
    case 'free':
      for (const id of command.ids) {
        store.delete(id);
        garbage.addBytes(caches.get(id)?.bytes ?? 0);
        caches.delete(id);
      }
      return none;
    case 'end':
      // Before the sessions that have computed them: see `TensorStore.detachFromSession`.
      store.clear();
      await few.close();
      for (const { session } of sessions.values()) await session.release();
      return none;
    case 'cache':
      garbage.addBytes(caches.get(command.cache)?.bytes ?? 0);
      caches.set(command.cache, new KeyValueCache(command.shape, (bytes) => garbage.addBytes(bytes)));
      return none;
    case 'keep':
      for (const cache of command.caches) cacheOf(cache).keepSequences(command.sequences);
      return none;
    case 'share':
      return command.rows.map(({ cache, sequence, tokens }) => {
        const data = cacheOf(cache).share(sequence, tokens);
        // V8 does not count memory that threads share.
        garbage.addBytes(data.byteLength);
        return { tensor: { dtype: 'float32', dims: [data.length], data } };
      });
    case 'few':
      return few.follow(command.order);
    case 'run': {
      const results: Record<string, TensorData>[] = [];
      for (const step of command.steps) results.push(await runStep(step));
      return results;
    }
    case 'square': {
      const sum = command.tensors
        .filter((id) => store.has(id))
        .reduce((total, id) => total + sumOfSquares(floatsOf(id)), 0);
      return [{ sum: { dtype: 'float64', dims: [], data: Float64Array.of(sum) } }];
    }
    case 'learn':
      for (const tensor of command.tensors) if (store.has(tensor.gradient)) learn(tensor, command.step);
      return none;
  }
}

async function runStep(step: StepMessage): Promise<Record<string, TensorData>> {
  const { session, takesAll } = sessionOf(step.session);
  const feeds = Object.fromEntries(Object.entries(step.feeds).map(([name, feed]) => [name, resolve(feed)]));
  const { fetch, append } = step;
  const [keep, add] = [Object.entries(step.keep), Object.entries(step.add)];
  const kept = new Set(keep.map(([output]) => output));
  const added = add.map(([output]) => output);
  const wanted = new Set([...fetch, ...kept, ...append.map(({ output }) => output), ...added]);
  const outputs = await session.run(feeds, takesAll ? session.outputNames : [...wanted]);
  for (const part of append) {
    cacheOf(part.cache).append(outputs[part.output]!.data as Float32Array, part);
    // Those of all blocks grow at once, and each leaves behind what it had.
    garbage.sweep();
  }
  for (const [output, id] of add) {
    if (store.has(id)) addTo(floatsOf(id), outputs[output]!.data as Float32Array);
    else await store.set(id, outputs[output]!);
  }
  const results: Record<string, TensorData> = {};
  for (const name of fetch) results[name] = fromTensor(await deviceMemory.read(outputs[name]!));
  for (const [output, id] of keep) await store.set(id, outputs[output]!, step.session);
  for (const [output, tensor] of Object.entries(outputs)) {
    if (kept.has(output)) continue;
    garbage.add(tensor);
    release(tensor);
  }
  return results;
}

function learn({ weightDecay, ...ids }: LearningMessage, step: AdamWStep): void {
  const [parameter, gradient] = [floatsOf(ids.parameter), floatsOf(ids.gradient)];
  const [mean, variance] = [floatsOf(ids.mean), floatsOf(ids.variance)];
  adamW({ parameter, gradient, mean, variance }, weightDecay, step);
}

function resolve(feed: FeedMessage): Tensor {
  if ('tensor' in feed) return store.get(feed.tensor);
  return 'cache' in feed ? cacheOf(feed.cache).tensor : toTensor(feed);
}

function sessionOf(id: string): OpenSession {
  const open = sessions.get(id);
  if (!open) throw new Error(`There is no session ${id}.`);
  return open;
}

function cacheOf(id: string): KeyValueCache {
  const cache = caches.get(id);
  if (!cache) throw new Error(`There is no cache ${id}.`);
  return cache;
}

/** The numbers of a stored tensor that no run has left on the device; they change with it. */
const floatsOf = (id: string): Float32Array => store.get(id).data as Float32Array;

const numbersOf = async (id: string): Promise<Float32Array> => (await store.read(id)).data as Float32Array;

function toTensor({ dtype, dims, data }: TensorData): Tensor {
  return new Tensor(dtype, data as Float32Array, dims);
}

async function loadTensors(
  file: string,
  tensors: readonly { readonly tensor: string; readonly dims: readonly number[] }[],
): Promise<void> {
  const counts = tensors.map(({ dims }) => dims.reduce((product, n) => product * n, 1));
  for (const [i, values] of readFloats(file, counts).entries()) {
    const { tensor, dims } = tensors[i]!;
    await store.set(tensor, new Tensor('float32', values, dims));
  }
}

function fromTensor(tensor: Tensor): TensorData {
  return { dtype: tensor.type, dims: tensor.dims, data: tensor.data } as TensorData;
}

async function answer({ id, command }: Request): Promise<void> {
  const port = parentPort!;
  try {
    port.postMessage({ id, results: await execute(command) } satisfies Reply);
    // The C library gives back only what lies behind all that is still held: one result may keep a gigabyte from the next session.
    garbage.sweep(command.kind === 'close' ? 1 : undefined);
  } catch (error) {
    const { message = String(error), code } = error as Partial<NodeJS.ErrnoException>;
    port.postMessage({ id, error: message, code } satisfies Reply);
  } finally {
    // Nothing else keeps the thread alive.
    if (command.kind === 'end') port.close();
  }
}

/** Commands are carried out one after the other, in the order in which they were sent. */
let last = Promise.resolve();
parentPort?.on('message', (request: Request) => {
  last = last.then(() => answer(request));
});
