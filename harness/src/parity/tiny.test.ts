import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatasets } from '../datasets/open.js';
import { evaluate } from '../evaluate.js';
import { renderTable } from '../results/results-table.js';
import { fakeModel } from '../testing/fake-model.js';
import { shared } from '../testing/reference.js';

describe.runIf(shared)('the embedded tasks', () => {
  it('find all their rows and are asked', async () => {
    const data = openDatasets({ embedded: path.join(shared!, 'models/tiny') });
    const tasks = ['tiny_gsm', 'tiny_facts', 'tiny_where', 'tiny_heldout'];
    const { record } = await evaluate({ tasks, model: fakeModel(), data });
    expect(record['n-samples']).toEqual({
      tiny_gsm: { original: 400, effective: 400 },
      tiny_facts: { original: 480, effective: 480 },
      tiny_where: { original: 400, effective: 400 },
      tiny_heldout: { original: 300, effective: 300 },
    });
    expect(renderTable(record).split('\n')).toHaveLength(2 + 2 * 2 + 2 + 4 + 1);
    // Four choices and a model that knows nothing.
    expect(record.results.tiny_facts!['acc,none']).toBeGreaterThan(0.15);
    expect(record.results.tiny_facts!['acc,none']).toBeLessThan(0.35);
  });
});
