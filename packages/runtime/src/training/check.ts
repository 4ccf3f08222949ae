import type { TokenSequence } from '@moepress/core';
import { type Model, MoepressError, type TrainRequest } from '@moepress/core';

/** Throws `INPUT_INVALID` for a request that cannot be trained. */
export function checkRequest(request: TrainRequest): void {
  const { model, loss, trainable, sequences, validation, steps, sequencesPerStep, evaluateEvery } = request;
  if (trainable.length === 0) throw invalid('trainable', 'names no tensor');
  if (sequences.length === 0) throw invalid('sequences', 'is empty');
  if (!isCount(steps)) throw invalid('steps', `is ${steps}`);
  if (!isCount(sequencesPerStep)) throw invalid('sequencesPerStep', `is ${sequencesPerStep}`);
  for (const sequence of sequences) checkSequence(sequence, model, 'sequences');
  for (const sequence of validation) checkSequence(sequence, model, 'validation');
  if (evaluateEvery !== null) {
    if (!isCount(evaluateEvery)) throw invalid('evaluateEvery', `is ${evaluateEvery}`);
    if (validation.length === 0) throw invalid('validation', 'is empty, so that nothing can be evaluated');
  }
  checkRates(request);
  if (loss.kind === 'cross-entropy') return;
  const { teacher, temperature, hiddenStates, topLogits } = loss;
  if (!(temperature > 0)) throw invalid('temperature', `is ${temperature}`);
  if (topLogits !== null && !isCount(topLogits)) throw invalid('topLogits', `is ${topLogits}`);
  if (teacher.config.vocabSize !== model.config.vocabSize) {
    throw invalid(
      'teacher',
      `has ${teacher.config.vocabSize} tokens and the student ${model.config.vocabSize}`,
    );
  }
  if (!(hiddenStates >= 0)) throw invalid('hiddenStates', `is ${hiddenStates}`);
  if (hiddenStates === 0) return;
  if (topLogits !== null) throw invalid('hiddenStates', 'needs a teacher that runs beside the student');
  const sameSize = teacher.config.hiddenSize === model.config.hiddenSize;
  if (!sameSize || teacher.blocks.length !== model.blocks.length) {
    throw invalid('hiddenStates', 'needs a teacher with as many blocks, as wide as the student');
  }
}

function checkRates({ optimiser, schedule, clip }: TrainRequest): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = optimiser;
  const rates = { learningRate, epsilon, ...(clip === null ? {} : { clip }) };
  for (const [name, value] of Object.entries(rates)) {
    if (!(value > 0 && Number.isFinite(value))) throw invalid(name, `is ${value}`);
  }
  for (const [name, value] of Object.entries({ beta1, beta2 })) {
    if (!(value >= 0 && value < 1)) throw invalid(name, `is ${value}`);
  }
  const shares = { warmup: schedule.warmup, final: schedule.final };
  for (const [name, value] of Object.entries(shares)) {
    if (!(value >= 0 && value <= 1)) throw invalid(name, `is ${value}`);
  }
  if (!(weightDecay >= 0)) throw invalid('weightDecay', `is ${weightDecay}`);
}

function checkSequence({ ids, from }: TokenSequence, { config }: Model, where: string): void {
  if (!(Number.isInteger(from) && from >= 1 && from < ids.length)) {
    throw invalid(where, `predicts from token ${from} of ${ids.length}`);
  }
  const odd = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < config.vocabSize));
  if (odd !== undefined) throw invalid(where, `holds ${odd}, which is no token`);
}

const isCount = (value: number): boolean => Number.isInteger(value) && value > 0;

const invalid = (where: string, problem: string): MoepressError =>
  new MoepressError('INPUT_INVALID', {
    message: `${where} ${problem}.`,
    where,
  });
