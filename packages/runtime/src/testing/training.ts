import { type Model, type TrainRequest, tensorsByPath } from '@moepress/core';

/** Three steps that train everything in a model; `change` says what is different, and on what data. */
export function requestFor(
  model: Model,
  change: Partial<TrainRequest> & Pick<TrainRequest, 'sequences'>,
): TrainRequest {
  return {
    name: 'test',
    model,
    trainable: [...tensorsByPath(model).keys()],
    loss: { kind: 'cross-entropy' },
    validation: [],
    steps: 3,
    sequencesPerStep: change.sequences.length,
    optimiser: { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 },
    schedule: { kind: 'constant', warmup: 0, final: 1 },
    clip: 1,
    evaluateEvery: null,
    seed: 7,
    ...change,
  };
}
