import { MoepressError, type Work } from '@moepress/core';
import { GraphBuilder, linear } from '@moepress/graph';
import { type Device, type DeviceChoice, devices } from '../devices/device.js';
import { deviceHint, isPublished } from '../devices/device-hint.js';
import { Engine } from './engine.js';
import type { TensorData } from './protocol.js';

/** Those that have, in this process: an engine a model would start them again. */
const started = new Set<DeviceChoice>(['cpu']);

/**
 * The device to make an engine for. A named one must start: throws `ENGINE_FAILED` with the hint otherwise, never
 * takes another. `auto` takes the one that is fastest at a matrix product of all that start, since an adapter may
 * be a program on the processor, and says which.
 */
export async function startDevice(choice: DeviceChoice, { progress }: Work = {}): Promise<Device> {
  if (choice !== 'auto') {
    if (started.has(choice)) return choice;
    await productSpeed(choice).catch((cause) => {
      throw unavailable(choice, cause);
    });
    started.add(choice);
    return choice;
  }
  const task = 'Looking for the fastest device';
  const candidates = devices.filter(isPublished);
  progress?.({ type: 'start', task, total: candidates.length, unit: 'devices' });
  let best = { device: 'cpu' as Device, speed: 0 };
  for (const [i, device] of candidates.entries()) {
    const speed = await productSpeed(device).catch(() => 0);
    if (speed > best.speed) best = { device, speed };
    progress?.({ type: 'advance', task, done: i + 1, note: best.device });
  }
  progress?.({ type: 'end', task });
  started.add(best.device);
  return best.device;
}

/** What the runtime said when a device did not start, as an error with the hint. */
export function unavailable(device: Device, cause: unknown): MoepressError {
  return new MoepressError('ENGINE_FAILED', {
    message: `The device ${device} does not start: ${firstSentence(cause)}`,
    where: 'device',
    hint: deviceHint(device),
    cause,
  });
}

/** Without the source lines of the runtime around it. */
function firstSentence(cause: unknown): string {
  const [line = ''] = (cause as Error).message.split('\n');
  return line.replace(/^ONNX Runtime: /, '').replace(/^\/onnxruntime_src\S+ .*? was false\. /, '');
}

const [rows, inner, columns] = [256, 1024, 1024] as const;

/**
 * FLOP/s of an fp32 matrix product of modest size on a device, its way there and back included. Throws
 * `ENGINE_FAILED` if the device does not start.
 */
export async function productSpeed(device: Device): Promise<number> {
  const engine = new Engine({ device, workers: 1 });
  try {
    const scope = engine.scope();
    const [worker] = engine.workers;
    const graph = new GraphBuilder('product');
    const x = graph.input('x', 'float32', [rows, inner]);
    graph.output('y', linear(x, graph.input('w', 'float32', [columns, inner])));
    const session = await scope.open(graph.finish());
    const tensors = {
      x: scope.tensor(worker!, 'x'),
      w: scope.tensor(worker!, 'w'),
      y: scope.tensor(worker!, 'y'),
    };
    await tensors.x.put(halves(rows, inner));
    await tensors.w.put(halves(columns, inner));
    const run = () => worker!.run([{ session, feeds: tensors, keep: { y: tensors.y } }]);
    // The first run compiles what the device needs.
    await run();
    const started = performance.now();
    await run();
    return (2 * rows * inner * columns) / ((performance.now() - started) / 1000);
  } finally {
    await engine.dispose();
  }
}

const halves = (...dims: [number, number]): TensorData => ({
  dtype: 'float32',
  dims,
  data: new Float32Array(dims[0] * dims[1]).fill(0.5),
});
