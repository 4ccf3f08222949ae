import { describe, expect, it } from 'vitest';
import { estimateLine, estimateText } from './estimate-text.js';
import { loadingText } from './loading-text.js';
import { nextText, quoted } from './next-text.js';

describe('what to do next', () => {
  it('may be pasted into a shell', () => {
    expect(
      nextText([
        ['moepress serve small', 'use it'],
        ['moepress eval small --tasks x', 'score it'],
      ]),
    ).toBe('\nNext:\n  moepress serve small           # use it\n  moepress eval small --tasks x  # score it');
    expect(quoted("it's mine")).toBe("'it'\\''s mine'");
    expect(quoted('./a/b-1.json')).toBe('./a/b-1.json');
  });

  it('has the purpose above a command that leaves no room for it', () => {
    expect(nextText([[`moepress apply ${'x'.repeat(60)}`, 'write it']])).toContain(
      '# write it\n  moepress apply',
    );
  });
});

it('names the programs that load a folder, and why others do not', () => {
  const reason = 'It does not read the compact layout: choose the layout materialised.';
  const text = loadingText([
    { engine: 'transformers', loads: 'remote code', reason: 'x' },
    { engine: 'vLLM', loads: 'not', reason },
    { engine: 'SGLang', loads: 'not', reason },
  ]);
  expect(text).toBe(
    `Loaded by moepress, transformers (with remote code).\nNot loaded by vLLM, SGLang. ${reason}`,
  );
});

describe('an estimate', () => {
  const phase = (title: string, seconds: number | null) => ({ title, tasks: [title], seconds });
  const whole = { seconds: 75, memory: 2e9, written: 0, notes: ['A note.'] };

  it('is a line', () => {
    expect(estimateLine({ ...whole, phases: [phase('Scoring', 75)] })).toBe(
      'This takes about 1 min 15 s and 2.00 GB of memory.',
    );
    // A few seconds are not told more exactly than they are known.
    expect(estimateLine({ ...whole, seconds: 3.21, phases: [phase('Scoring', 3.21)] })).toBe(
      'This takes a few seconds and 2.00 GB of memory.',
    );
  });

  it('says where it is not whole, and has each phase', () => {
    const text = estimateText({ ...whole, written: 3e9, phases: [phase('A', 75), phase('B', null)] });
    expect(text).toContain('at least 1 min 15 s, 2.00 GB of memory and 3.00 GB on disk.');
    expect(text).toMatch(/A +1 min 15 s\nB +not known\n\nA note\./);
  });
});
