import { definePlugin, type Refiner, tensorsByPath } from '@moepress/core';
import { z } from 'zod';

const options = z.strictObject({
  seed: z.int().default(0).describe('Decides the order in which sequences are learned from.'),
  steps: z.int().positive().default(100).describe('Steps of training.'),
  learningRate: z.number().positive().default(1e-4),
});

export type ExampleNameOptions = z.infer<typeof options>;

/** Teaches the routers of a compressed model to predict the text; nothing else learns. */
export const exampleName: Refiner<ExampleNameOptions> = {
  specVersion: 1,
  name: 'example-name',
  title: 'Example name: train the routers',
  reference: 'none: an example',
  options,
  async refine({ student, sequences, validation, options: { seed, steps, learningRate }, train }) {
    const trainable = [...tensorsByPath(student).keys()].filter((path) => path.endsWith('router.weight'));
    const { tensors, curve } = await train({
      name: 'routers',
      model: student,
      trainable,
      loss: { kind: 'cross-entropy' },
      sequences,
      validation,
      steps,
      sequencesPerStep: Math.min(8, sequences.length),
      optimiser: { learningRate, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 },
      schedule: { kind: 'cosine', warmup: 0.1, final: 0.1 },
      clip: 1,
      evaluateEvery: null,
      seed,
    });
    return { tensors, curves: { routers: curve } };
  },
};

export default definePlugin({ name: 'example-name', refiners: [exampleName] });
