import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareSampleFiles } from './compare.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'moepress-compare-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, documents: readonly unknown[][], ids = documents.map((_, i) => i)) => {
  const path = join(folder, name);
  const lines = documents.map((resps, i) => JSON.stringify({ doc_id: ids[i], resps }));
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
};

describe('compareSampleFiles', () => {
  it('compares numbers written as text with numbers, in any order of the documents', () => {
    const ours = file('a', [[[['-1.5', 'False']], [['-2', 'True']]], [[['-4', 'False']]]]);
    const theirs = file('b', [[[[-4.25, false]]], [[[-1.5, false]], [[-2.25, false]]]], [1, 0]);
    expect(compareSampleFiles(ours, theirs)).toEqual({
      requests: 3,
      largest: 0.25,
      mean: (0 + 0.25 + 0.25) / 3,
      greedy: 1,
    });
  });

  it('compares perplexities of texts and answers that were written', () => {
    const rolling = [file('a', [[['-10.5']], [['-3']]]), file('b', [[[-10]], [[-3]]])] as const;
    expect(compareSampleFiles(...rolling)).toMatchObject({ requests: 2, largest: 0.5, greedy: 0 });
    const written = [
      file('c', [[['the same']], [['this']]]),
      file('d', [[['the same']], [['that']]]),
    ] as const;
    expect(compareSampleFiles(...written)).toMatchObject({ requests: 0, largest: 0, greedy: 1 });
  });

  it('refuses files of other documents or requests', () => {
    const one = file('a', [[[['-1', 'False']]]]);
    const two = file('b', [[[[-1, false]]], [[[-1, false]]]]);
    const other = file('c', [[[[-1, false]], [[-2, false]]]]);
    expect(() => compareSampleFiles(one, two)).toThrow('has 1 documents');
    expect(() => compareSampleFiles(one, other)).toThrow('Document 0 has other requests');
  });
});
