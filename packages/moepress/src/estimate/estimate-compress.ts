import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { anonymousMemory } from '@moepress/checkpoint';
import { blockTensors, type Model, measure, parseOptions, storedIn, type Work } from '@moepress/core';
import type { ExpertLayout, QuantiseChoice } from '@moepress/export';
import { expertHits } from '@moepress/graph';
import { knownWeightsDigest } from '@moepress/runtime';
import { type CompressOptions, requestOf } from '../compress.js';
import { checkChosen } from '../files/output.js';
import { calibrationSet } from '../models/model-data.js';
import { type ModelInput, resolveModel } from '../models/open-model.js';
import { workOf } from '../options.js';
import type { MethodRequest } from '../planning/plan-all.js';
import { expectedView } from '../write-checkpoint.js';
import { type Estimate, type EstimatedPhase, estimateOf } from './estimate.js';
import { estimatePasses, passTasks } from './estimate-passes.js';
import { estimateWriting } from './estimate-writing.js';

export interface EstimateCompressOptions extends CompressOptions {
  /** Where the checkpoint is to be written, and how; absent: the plan alone is wanted. */
  readonly writing?: {
    readonly folder: string;
    readonly layout: ExpertLayout;
    readonly quantise?: QuantiseChoice | undefined;
  };
}

/** Methods whose decision takes moments once everything is measured: they rank what the passes measured. */
const ranking = new Set(['random', 'frequency', 'reap', 'expert-fisher', 'dense-width', 'fisher-moe']);

/**
 * What compressing a model takes, by a trial of some seconds on two of its blocks. Reads the calibration set, and the model
 * is downloaded if it is not there. What was measured before is not taken into account. Throws what `compress` throws before it
 * measures.
 */
export async function estimateCompress(
  model: ModelInput,
  { writing, ...options }: EstimateCompressOptions,
): Promise<Estimate> {
  const work = workOf(options);
  await checkChosen(options.cache, 'evidence');
  const request = await requestOf(options, options);
  const base = await resolveModel(model, options);
  const { compressor } = request.method;
  const needs = needsOf(base, request);
  const phases: EstimatedPhase[] = [];
  let memory = anonymousMemory();
  if (needs.length > 0) {
    phases.push(await hashing(base, work));
    const started = performance.now();
    const set = await calibrationSet(base, options, work);
    phases.push({ ...reading, seconds: since(started) });
    const measured = await estimatePasses(withCounts(needs), set, { model: base, compute: options, ...work });
    phases.push(...measured.phases);
    memory = Math.max(memory, measured.memory);
  }
  const isRanking = ranking.has(compressor.name);
  phases.push({ title: 'Deciding', tasks: deciding, seconds: isRanking ? 0.1 : null });
  const view = expectedView(base, request, { layout: 'compact', ...writing });
  if (writing) {
    const { bytes } = view;
    const written = await estimateWriting(view.view, { folder: writing.folder, bytes }, work);
    phases.push({ title: 'Writing', tasks: ['Writing'], seconds: written.seconds });
    memory = Math.max(memory, written.memory);
  }
  const notes = isRanking
    ? []
    : [`What ${compressor.name} takes to decide, after everything is measured, is not in these figures.`];
  return estimateOf(phases, { memory, written: writing ? view.bytes : 0, notes });
}

/** What a method measures. Throws `OPTIONS_INVALID`, and what the method throws for a model that it does not fit. */
export const needsOf = (model: Model, { method: { compressor }, options }: MethodRequest) =>
  compressor.needs(model, parseOptions(compressor, options));

/** The phases of the same job where it is too short to be estimated: what it consists of, without seconds. */
export function compressPhases(model: Model, request: MethodRequest, isWriting: boolean): EstimatedPhase[] {
  const needs = needsOf(model, request);
  const passes = new Set(needs.map(({ pass }) => pass));
  const phase = (title: string, tasks: readonly string[]) => ({ title, tasks, seconds: null });
  return [
    ...(needs.length > 0 ? [phase('Hashing weights', ['Hashing*']), reading] : []),
    ...passTasks.flatMap(({ pass, task }) => (passes.has(pass) ? [phase(task, [task])] : [])),
    phase('Deciding', deciding),
    ...(isWriting ? [phase('Writing', ['Writing'])] : []),
  ];
}

const reading = { title: 'Reading texts', tasks: ['Tokenising', 'Reading*'], seconds: null };
const deciding = ['Comparing*', 'Replaying*', 'Condensing*'];

const since = (started: number) => (performance.now() - started) / 1000;

/** Tokens of experts are counted in every forward pass. */
const withCounts = (needs: CalibrationStatistics): CalibrationStatistics =>
  needs.some(({ pass }) => pass === 'forward') && !needs.includes(expertHits)
    ? [...needs, expertHits]
    : needs;

type CalibrationStatistics = Parameters<typeof estimatePasses>[0];

/** Bytes of a file that are hashed to see how fast that goes. */
const hashedBytes = 32 * 2 ** 20;

/** Plans name the bytes they were measured on, which are read for it once. */
async function hashing(model: Model, { signal }: Work): Promise<EstimatedPhase> {
  const phase = { title: 'Hashing weights', tasks: ['Hashing*'] };
  if ((await knownWeightsDigest(model)) !== null) return { ...phase, seconds: 0 };
  const [stored] = model.blocks.flatMap(blockTensors).flatMap((tensor) => [...storedIn(tensor)]);
  const file = await open(stored!.file, 'r');
  try {
    const started = performance.now();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(hashedBytes), 0, hashedBytes, 0);
    createHash('sha256').update(buffer.subarray(0, bytesRead)).digest();
    signal?.throwIfAborted();
    return { ...phase, seconds: (since(started) / bytesRead) * measure(model).total.bytes };
  } finally {
    await file.close();
  }
}
