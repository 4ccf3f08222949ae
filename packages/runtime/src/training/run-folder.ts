import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fromFloat32, readSafetensors, replaceFile, writeSafetensors } from '@moepress/checkpoint';
import { type LearnedTensor, learned, parseJson, type TrainingPoint, type TrainResult } from '@moepress/core';
import { z } from 'zod';
import type { FileTensor } from '../engine/handles.js';
import { appendPoint, bestStep, readCurve, writeCurve } from './curve.js';
import type { Elsewhere } from './elsewhere.js';
import type { Parameters } from './parameters.js';

const progressSchema = z.strictObject({
  format: z.literal('moepress-training'),
  version: z.literal(1),
  /** Step after which the state was saved. */
  step: z.int().positive(),
  /** Tokens that went through the model together. */
  tokens: z.int().positive().optional(),
});

const progressName = 'progress.json';
const curveName = 'curve.ndjson';
/** The result of a complete run. */
export const learnedName = 'learned.safetensors';

/** Numbers rounded and written at a time. */
const roundedAtOnce = 2 ** 19;

/**
 * A run on disk. Of a run that is under way: `progress.json`, the state it names, the parameters of the best step
 * so far, and the loss curve. Of one that is complete: `learned.safetensors` and the loss curve. New files
 * are written under new names before `progress.json` is replaced and old ones go, so that a run killed at
 * any moment goes on from a whole state.
 */
export class RunFolder {
  #path: string;
  readonly #elsewhere: Elsewhere;
  /** File of the parameters of the best step. */
  #bestFile: string | undefined;
  readonly #parameters: Parameters;
  readonly #checkUnchanged: () => Promise<void>;

  /**
   * `checkUnchanged` throws if the models are no longer those that the folder is named for. Once the disk refuses
   * something, no more states are kept, and the rest goes `elsewhere`, if that may be.
   */
  constructor(
    path: string,
    parameters: Parameters,
    { checkUnchanged, elsewhere }: { checkUnchanged: () => Promise<void>; elsewhere: Elsewhere },
  ) {
    this.#path = path;
    this.#elsewhere = elsewhere;
    this.#parameters = parameters;
    this.#checkUnchanged = checkUnchanged;
  }

  /** The result of a run that is complete, else null. */
  async result(): Promise<TrainResult | null> {
    const written = await readSafetensors(this.#file(learnedName)).catch(() => null);
    if (!written) return null;
    const { tensors, metadata } = written;
    const curve = await readCurve(this.#file(curveName), Number(metadata.steps));
    if (!curve) return null;
    const paths = [...this.#parameters.tensors.keys()];
    const found = paths.map((path): [string, LearnedTensor] => [path, learned(path, tensors.get(path)!)]);
    return { tensors: new Map(found), curve, step: Number(metadata.step) };
  }

  /** The curve up to where an earlier run was saved, its state held again; null to begin anew. */
  async resume(): Promise<TrainingPoint[] | null> {
    const step = (await this.#progress())?.step ?? null;
    const curve = step === null ? null : await readCurve(this.#file(curveName), step);
    if (step !== null && curve && (await this.#restore(step, bestStep(curve)))) {
      await writeCurve(this.#file(curveName), curve);
      return curve;
    }
    await this.#keepOnly([]);
    return null;
  }

  /** How many tokens went through the model together in the run that is under way; null if there is none. */
  async tokens(): Promise<number | null> {
    return (await this.#progress())?.tokens ?? null;
  }

  /** Notes a step of the curve. */
  async note(point: TrainingPoint): Promise<void> {
    if (this.#elsewhere.isNeeded) return;
    try {
      await appendPoint(this.#file(curveName), point);
    } catch (error) {
      await this.#moveElsewhere(error);
    }
  }

  /** Saves the parameters of a step that is the best so far. */
  async saveBest(step: number): Promise<void> {
    const write = () => this.#write(this.#parameters.values, this.#best(step));
    await write().catch(async (error) => {
      if (this.#elsewhere.isNeeded) throw error;
      await this.#moveElsewhere(error);
      await write();
    });
    this.#bestFile = this.#file(this.#best(step));
  }

  /** Saves everything that a later run needs to continue after the last step of the curve. */
  async save(curve: readonly TrainingPoint[], tokens: number): Promise<void> {
    if (this.#elsewhere.isNeeded) return;
    await this.#save(curve, tokens).catch((error) => this.#moveElsewhere(error));
  }

  async #save(curve: readonly TrainingPoint[], tokens: number): Promise<void> {
    const { step } = curve.at(-1)!;
    const best = bestStep(curve);
    await this.#write(this.#parameters.state, this.#state(step));
    const progress = JSON.stringify({ format: 'moepress-training', version: 1, step, tokens });
    await replaceFile(this.#file(progressName), (file) => file.writeFile(progress));
    await this.#keepOnly([
      progressName,
      curveName,
      this.#state(step),
      ...(best === null ? [] : [this.#best(best)]),
    ]);
  }

  /** Writes the best parameters, or the last ones if none were evaluated, and removes what only a run needs. */
  async finish(curve: readonly TrainingPoint[]): Promise<TrainResult> {
    await this.#checkUnchanged();
    const last = curve.at(-1)!.step;
    const best = bestStep(curve);
    const bestFile = this.#bestFile ?? this.#file(this.#best(best ?? last));
    if (best !== null) await this.#parameters.load(this.#parameters.values, bestFile);
    const { feeds } = this.#parameters;
    const entries = [...this.#parameters.tensors].map(([name, { dtype, shape }]) => ({
      name,
      dtype,
      shape,
      async *bytes() {
        const { data } = await feeds[name]!.read();
        const values = data as Float32Array<ArrayBuffer>;
        // Not rounded whole: it is there in fp32 already.
        for (let at = 0; at < values.length; at += roundedAtOnce) {
          yield fromFloat32(values.subarray(at, at + roundedAtOnce), dtype);
        }
      },
    }));
    const metadata = { format: 'moepress-learned', step: String(best ?? last), steps: String(last) };
    const write = () => writeSafetensors(this.#file(learnedName), entries, { metadata });
    if (!this.#elsewhere.isNeeded) await write().catch((error) => this.#moveElsewhere(error));
    if (this.#elsewhere.isNeeded) {
      await writeCurve(this.#file(curveName), curve);
      await write();
    } else {
      await this.#keepOnly([learnedName, curveName]);
    }
    return (await this.result())!;
  }

  /** The saved state is kept: another run may continue from it. */
  async #moveElsewhere(error: unknown): Promise<void> {
    this.#path = await this.#elsewhere.instead(error);
  }

  async #progress(): Promise<z.infer<typeof progressSchema> | null> {
    const text = await readFile(this.#file(progressName), 'utf8').catch(() => 'null');
    try {
      return progressSchema.parse(parseJson(text));
    } catch {
      return null;
    }
  }

  async #restore(step: number, best: number | null): Promise<boolean> {
    if (best !== null && !existsSync(this.#file(this.#best(best)))) return false;
    try {
      await this.#parameters.load(this.#parameters.state, this.#file(this.#state(step)));
      return true;
    } catch {
      return false;
    }
  }

  async #write(tensors: readonly FileTensor[], name: string): Promise<void> {
    await this.#checkUnchanged();
    await this.#parameters.save(tensors, this.#file(name));
  }

  /** The lock stays too. */
  async #keepOnly(names: readonly string[]): Promise<void> {
    for (const name of await readdir(this.#path)) {
      if (!names.includes(name) && name !== 'lock') await rm(this.#file(name), { force: true });
    }
  }

  #state = (step: number): string => `state-${step}.f32`;
  #best = (step: number): string => `best-${step}.f32`;
  #file = (name: string): string => join(this.#path, name);
}
