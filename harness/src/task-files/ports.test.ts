import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { portedFunction, portOf } from './ports.js';

/** Hashes of files of lm-evaluation-harness 0.4.13. */
const files = {
  hellaswag: '07d23b60b28f2a4f658dcf8440623a63fe6644854ce9b846a114dde980dc1214',
  winogrande: 'e55327629264a98f1d383fda24645b6779afb53fa0bce2150042b9416b1ae006',
  mmluPro: 'd47eae06ecf1e9535b033394de62185327a1dca977cb29049003699adeb92801',
  mmmlu: '49aaaf0034ee7413385b68533fa22f5d664dc4c97f814985c353156f6ad6a85d',
} as const;

function call(file: keyof typeof files, name: string, ...rows: readonly Readonly<Record<string, unknown>>[]) {
  const port = portedFunction(files[file], name)!;
  return port.kind === 'rows' ? port.rows(rows) : port.value(rows[0]!);
}

it('makes of rows what the functions of Python make', () => {
  const film = {
    activity_label: 'Tea',
    ctx_a: 'A man [title] stands.',
    ctx_b: 'he POURS',
    endings: ['[x] a  b'],
    label: '0',
  };
  expect(call('hellaswag', 'utils.process_docs', film)).toEqual([
    { ...film, query: 'Tea: A man. stands. He pours', choices: [' a b'], gold: 0 },
  ]);
  const blank = { sentence: 'It, the _ , fell. ', option1: 'cup', option2: 'box', answer: '2' };
  expect(
    ['doc_to_text', 'doc_to_target', 'doc_to_choice'].map((name) => call('winogrande', name, blank)),
  ).toEqual([1, ', fell.', ['It, the cup', 'It, the box']]);
  const exam = {
    question: 'Why?',
    options: [' one', 'two '],
    cot_content: "A: Let's think step by step. So.",
    category: 'law',
  };
  expect(call('mmluPro', 'doc_to_text', exam)).toBe(
    "Question:\nWhy?\nOptions:\nA. one\nB. two\nAnswer: Let's think step by step.",
  );
  expect(call('mmluPro', 'fewshot_to_target', exam)).toBe('So.');
  expect(call('mmluPro', 'process_computer_science', exam)).toEqual([]);
  expect(call('mmluPro', 'process_law', exam)).toEqual([exam]);
  const rows = ['anatomy', 'anatomy_test.csv_sw-KE.csv', 'astronomy'].map((Subject) => ({ Subject }));
  expect(call('mmmlu', 'process_anatomy', ...rows)).toEqual(rows.slice(0, 2));
});

it('knows a function by its whole file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-ports-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'utils.py'), 'def process_docs(dataset): return dataset\n');
  expect(await portOf(join(folder, 'utils.py'), 'utils.process_docs')).toBeUndefined();
  expect(await portOf(join(folder, 'none.py'), 'none.process_docs')).toBeUndefined();
  expect(portedFunction(files.hellaswag, 'utils.other')).toBeUndefined();
  expect(() => call('winogrande', 'doc_to_choice', { option1: 'a' })).toThrow('"sentence"');
});
