import { decodeFloat32 } from '@moepress/checkpoint';
import {
  applyPlan,
  type Model,
  moeBlocks,
  type Plugin,
  parseOptions,
  pluginKinds,
  type Refinement,
  type Refiner,
  type TokenSequence,
} from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';
import { refineModel } from '@moepress/runtime';
import { type Check, type ConformanceOptions, difference, frozen, hold, refusal } from '../checks/check.js';
import { Trials } from '../methods/trials.js';
import { openToy, temporaryFolder, toyTexts } from '../toys/open-toys.js';

/** What must hold for the refiners of a plugin. */
export function refinerChecks(plugin: Plugin, settings: ConformanceOptions): Check[] {
  return (plugin.refiners ?? []).flatMap((refiner) => {
    const checks: Check[] = [
      { name: 'refuses bad options with a hint', run: () => refusesBadOptions(refiner, settings) },
      { name: 'trains tensors that fit, the same again', run: () => trains(refiner, plugin, settings) },
    ];
    return checks.map((check) => ({ ...check, name: `refiner ${refiner.name}: ${check.name}` }));
  });
}

const given = ({ name }: Refiner, { options = {} }: ConformanceOptions) => ({
  seed: 0,
  ...options[`refiner ${name}`],
});

async function refusesBadOptions(refiner: Refiner, settings: ConformanceOptions): Promise<void> {
  const good = given(refiner, settings);
  parseOptions(refiner, good);
  for (const bad of [
    { ...good, thereIsNoSuchOption: 1 },
    { ...good, seed: 'none' },
  ]) {
    const { code } = await refusal(
      () => parseOptions(refiner, bad),
      `The options ${JSON.stringify(bad)} must be refused`,
    );
    hold(
      code === 'OPTIONS_INVALID',
      `${JSON.stringify(bad)} is refused with ${code} instead of OPTIONS_INVALID.`,
    );
  }
}

/** The plugin's own method makes the student, if it has one; else every other expert is dropped. */
async function studentOf(
  plugin: Plugin,
  settings: ConformanceOptions,
): Promise<{ teacher: Model; student: Model }> {
  const [method] = pluginKinds.methods.of(plugin);
  if (method) {
    const { model, view } = await new Trials(method, settings).first();
    return { teacher: model, student: view };
  }
  const teacher = frozen(await openToy('plain'));
  const layers = moeBlocks(teacher).map(({ index, ffn }) => ({
    layer: index,
    ops: [{ op: 'keep-experts' as const, experts: [...ffn.slots.keys()].filter((slot) => slot % 2 === 0) }],
  }));
  return { teacher, student: frozen(applyPlan(teacher, toyPlan(teacher, layers))) };
}

/** As texts, and the last as the answer to a question. */
const sequences: readonly TokenSequence[] = toyTexts.sequences.map((ids, i) => ({
  ids: [...ids],
  from: i === 0 ? 2 : 1,
}));

let runs = 0;

async function trains(refiner: Refiner, plugin: Plugin, settings: ConformanceOptions): Promise<void> {
  const { teacher, student } = await studentOf(plugin, settings);
  const refine = (): Promise<Refinement> =>
    refineModel({
      threads: 1,
      student,
      teacher,
      refiner: { refiner, origin: { package: 'testkit', version: '0.0.0' } },
      options: given(refiner, settings),
      sequences,
      validation: [],
      folder: temporaryFolder(`refined-${++runs}`),
    });
  const [first, second] = [await refine(), await refine()];
  const losses = Object.values(first.curves).flatMap((curve) => curve.map(({ loss }) => loss));
  hold(
    losses.length > 0 && losses.every(Number.isFinite),
    'It shows no loss curve, or one that is not finite.',
  );
  for (const [path, { stored }] of first.tensors) {
    const again = second.tensors.get(path);
    const gap = again ? difference(await decodeFloat32(stored), await decodeFloat32(again.stored)) : 1;
    hold(gap < 1e-6, `It learns other values of ${path} when it is asked again.`);
  }
}
