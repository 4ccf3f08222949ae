import { add, GraphBuilder } from '@moepress/graph';
import { afterEach, describe, expect, it } from 'vitest';
import { tensor } from './protocol.js';
import { EngineScope } from './scope.js';
import { startDevice } from './start-device.js';
import { EngineWorker } from './worker.js';

const problem = await startDevice('webgpu').then(
  () => null,
  (error: Error) => error.message,
);
if (problem) console.warn(`Not tested on WebGPU: ${problem}`);

let worker: EngineWorker;
afterEach(() => worker.dispose());

/** `y` = `x` + `x`, left on the device. */
function doubling() {
  const graph = new GraphBuilder('doubling');
  const x = graph.input('x', 'float32', ['T', 2]);
  graph.output('y', add(x, x), { onDevice: true });
  return graph.finish();
}

const numbers = () => tensor('float32', [2, 2], Float32Array.of(1, 2, 3, 4));

describe.runIf(problem === null).each([0, 24, 2 ** 20])('with %d bytes of the device', (deviceMemory) => {
  it('holds what runs leave there, past the sessions that have computed it', async () => {
    worker = new EngineWorker(1, { device: 'webgpu', deviceMemory });
    const scope = new EngineScope([worker]);
    const [a, b] = [scope.tensor(worker, 'a'), scope.tensor(worker, 'b')];
    await scope.with(doubling(), async (session) => {
      await worker.run([{ session, feeds: { x: numbers() }, keep: { y: a } }]);
      await worker.run([{ session, feeds: { x: a }, keep: { y: b } }]);
    });
    const session = await scope.open(doubling());
    const steps = [
      { session, feeds: { x: b }, keep: { y: b } },
      { session, feeds: { x: a }, fetch: ['y'] },
    ];
    const [, fetched] = await worker.run(steps);
    expect([...fetched!.y!.data]).toEqual([4, 8, 12, 16]);
    expect([...(await b.read()).data]).toEqual([8, 16, 24, 32]);
    await scope.free([a]);
    await expect(a.read()).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
  });
});
