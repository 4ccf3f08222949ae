import { expect, it } from 'vitest';
import { refuseOtherHeads } from './family.js';
import { refusalOf } from './support.test.util.js';

const outcome = (architectures: unknown) =>
  refusalOf(() => refuseOtherHeads({ architectures }, 'config.json'));

it.each([
  [['LlamaForCausalLM']],
  [['FSDPLlamaForCausalLM']],
  [['PeftModelForCausalLM']],
  [['LlamaModel']],
  [['LlamaForCausalLM', 'LlamaForSequenceClassification']],
  [[]],
  [null],
  ['LlamaForCausalLM'],
])('%j decides nothing', (names) => {
  expect(outcome(names)).toBe('accepted');
});

it.each([
  ['OlmoeForSequenceClassification'],
  ['Qwen2ForTokenClassification'],
  ['FSDPMistralForSequenceClassification'],
  ['LlamaBidirectionalModel'],
  ['Qwen2ForRewardModel'],
])('%s is refused', (name) => {
  expect(outcome([name])).toBe('CONFIG_UNSUPPORTED config.json: architectures');
});
