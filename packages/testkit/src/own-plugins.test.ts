import baselines from '@moepress/plugin-baselines';
import cdMoe from '@moepress/plugin-cd-moe';
import conmoe from '@moepress/plugin-conmoe';
import fisherMoe from '@moepress/plugin-fisher-moe';
import moeToDense from '@moepress/plugin-moe-to-dense';
import { afterAll, test } from 'vitest';
import { conformance, type RegisterTest } from './conformance.js';
import { closeEngines } from './toys/engines.js';
import { type ToyName, toyNames } from './toys/open-toys.js';

afterAll(closeEngines);

/** Everything takes a minute: `MOEPRESS_ALL_TOYS=1 npx vitest run packages/testkit/src/own`. */
const isWhole = process.env.MOEPRESS_ALL_TOYS === '1';

const toys = (...names: ToyName[]) => (isWhole ? toyNames : names);

/**
 * All rankings are one method but for what they measure, which one of them tells enough of; what those leave that choose experts or
 * channels otherwise is of the kinds that others leave.
 */
const isRepeated = (name: string) =>
  /^(naee|stun|camera|hc-smoe|m-smoe|top-k|layer-drop): leaves/.test(name) ||
  /^(?!reap:|naee:|stun:|camera:|dense-width:|hc-smoe:|m-smoe:|mone:|top-k:|layer-drop:|budget )\S+: (?!measures)/.test(
    name,
  );
const unrepeated: RegisterTest = (name, run) => (isWhole || !isRepeated(name) ? test(name, run) : undefined);

conformance(baselines, unrepeated, {
  models: toys('grouped', 'dense'),
  options: { 'top-k': { topK: 1 } },
  except: { 'dense-width: meets its budget': 'Its ratio is that of dense FFNs, beside experts too.' },
});
conformance(conmoe, test, { models: toys('channelwise', 'ragged') });
conformance(fisherMoe, test, { models: toys('shared') });
conformance(cdMoe, test, {
  models: toys('convolution'),
  options: { 'refiner cd-moe': { sequencesPerStep: 4 } },
});
conformance(moeToDense, test, {
  models: toys('mamba'),
  options: { 'refiner distil': { steps: 1, batch: 2 } },
  except: {
    'moe-to-dense: removes nothing at ratio 0':
      'A dense FFN of all experts is another function than their mixture.',
  },
});
