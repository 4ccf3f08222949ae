import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder } from '../../../cli/e2e/command.js';
import { newEntry } from './sweep-entry.js';
import { Results } from './sweep-results.js';

const entry = (configuration: string, asked = 'questions') =>
  newEntry({
    configuration,
    asked,
    options: { keep: 4 },
    decision: 'd',
    distance: 0.5,
    error: null,
    parameters: 10,
    scores: { facts: { 'acc,none': 0.5 } },
  });

describe('Results', () => {
  it('keep every entry as a line, at once', () =>
    inTemporaryFolder(async (folder) => {
      const results = await Results.open(join(folder, 'new'));
      await Promise.all(['a', 'b', 'c'].map((name) => results.add(entry(name))));
      const lines = readFileSync(join(folder, 'new/results.ndjson'), 'utf8').trimEnd().split('\n');
      expect(lines.map((line) => JSON.parse(line).configuration)).toEqual(['a', 'b', 'c']);
      const again = await Results.open(join(folder, 'new'));
      expect(again.find('b', 'questions')).toEqual(entry('b'));
      expect(again.find('b', 'others')).toBeUndefined();
    }));

  it('go on after the torn line of a killed run', () =>
    inTemporaryFolder(async (folder) => {
      await (await Results.open(folder)).add(entry('a'));
      const file = join(folder, 'results.ndjson');
      appendFileSync(file, JSON.stringify(entry('b')).slice(0, 30));
      const results = await Results.open(folder);
      expect(results.find('b', 'questions')).toBeUndefined();
      await results.add(entry('c'));
      expect(readFileSync(file, 'utf8')).toBe(
        `${JSON.stringify(entry('a'))}\n${JSON.stringify(entry('c'))}\n`,
      );
    }));

  it('refuse what cannot be read', () =>
    inTemporaryFolder(async (folder) => {
      mkdirSync(join(folder, 'results.ndjson'));
      await expect(Results.open(folder)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    }));
});
