import { describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import { checkSandbox } from '../sandbox/run-program.js';
import { fakeModel } from '../testing/fake-model.js';
import { memoryDatasets } from '../testing/memory.js';

const rows = [3, 4].map((n) => ({
  task_id: `Invented/${n}`,
  prompt: `def times${n}(x):\n`,
  test: `def check(candidate):\n    assert candidate(2) == ${2 * n}`,
  entry_point: `times${n}`,
}));
const data = memoryDatasets({ 'openai/openai_humaneval/test': rows });
let asked = 0;
const model = {
  ...fakeModel(),
  async generateUntil(prompts: readonly unknown[]) {
    asked += prompts.length;
    return prompts.map(() => '    return 3 * x');
  },
};

const canRun = await checkSandbox().then(
  () => true,
  () => false,
);

describe('tasks that run what the model writes', () => {
  it('ask for that before they ask anything', async () => {
    await expect(evaluate({ tasks: ['humaneval'], model, data })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      where: 'confirmRunUnsafeCode',
    });
    expect(asked).toBe(0);
  });

  it.runIf(canRun)('count the answers whose tests pass', async () => {
    const options = { tasks: ['humaneval'], model, data, confirmRunUnsafeCode: true };
    const { record, samples } = await evaluate(options);
    expect(record.results.humaneval).toMatchObject({ 'pass@1,create_test': 0.5 });
    expect(record.configs.humaneval).toMatchObject({ unsafe_code: true });
    expect(samples.humaneval!.map((sample) => sample['pass@1'])).toEqual([1, 0]);
  });
});
