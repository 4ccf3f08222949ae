import { openModel } from '@moepress/checkpoint';
import { expertHits, gatedOutputNorms } from '@moepress/graph';
import { Engine } from '@moepress/runtime';
import { forwardFlops, gflops, gigabytes, walks } from '../flops.js';
import { besidePeak } from '../gemm.js';
import { timeCalibration } from '../timing.js';

/**
 * Calibrates by layer streaming and compares with the matrix products of the machine in the same
 * run: the share of the peak FLOP/s, and anonymous memory besides the hidden states.
 */
export async function calibrationSuite(directory: string, count: number, length: number): Promise<void> {
  const model = await openModel(directory);
  const engine = new Engine();
  try {
    const statistics = [expertHits, gatedOutputNorms];
    const { result, peak } = await besidePeak(() =>
      timeCalibration(engine, model, { sequences: walks(model, count, length), statistics }),
    );
    const { sustained, best } = peak;
    const speed = (forwardFlops(model, length) * count * length) / result.seconds;
    const hidden = count * length * model.config.hiddenSize * 4;
    console.log(
      `calibrate ${model.blocks.length} layers, ${count} x ${length} tokens: ${result.seconds.toFixed(1)} s`,
    );
    console.log(
      `  ${gflops(speed)} of ${gflops(sustained)} that products keep up = ${(speed / sustained).toFixed(3)} (of their best, ${gflops(best)}: ${(speed / best).toFixed(3)})`,
    );
    console.log(
      `  peak anonymous memory ${gigabytes(result.peak)}, of it ${gigabytes(hidden)} hidden states`,
    );
  } finally {
    await engine.dispose();
  }
}
