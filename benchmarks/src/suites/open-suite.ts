import { openModel } from '@moepress/checkpoint';
import { measure } from '@moepress/core';
import { Bench } from 'tinybench';

/** Opening reads headers only, so time must follow the number of tensors and not the bytes. */
export async function openSuite(small: string, large: string): Promise<void> {
  const bench = new Bench({ iterations: 20, time: 0, warmupIterations: 3, warmupTime: 0 });
  const models = [await openModel(small), await openModel(large)];
  for (const { id } of models) {
    bench.add(id, async () => {
      await openModel(id);
    });
  }
  await bench.run();
  const times = bench.tasks.map((task) => (task.result as { latency: { p50: number } }).latency.p50);
  const bytes = models.map((model) => measure(model).total.bytes);
  for (const [i, { id }] of models.entries()) {
    console.log(`open ${id}: ${times[i]!.toFixed(1)} ms for ${(bytes[i]! / 1e9).toFixed(3)} GB`);
  }
  console.log(
    `  ${(bytes[1]! / bytes[0]!).toFixed(1)} times the bytes take ${(times[1]! / times[0]!).toFixed(1)} times as long`,
  );
}
