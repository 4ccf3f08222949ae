import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { Row } from '../datasets/dataset.js';
import type { Datasets } from '../datasets/open.js';

/** The optional folder of reference data and results of lm-evaluation-harness. */
export const shared = process.env.MOEPRESS_SHARED;

/** The golden file of the evaluation suite as text. */
export function goldenText(name: string): string {
  return readFileSync(path.join(shared!, 'golden/eval', name), 'utf8');
}

/** Lines of a golden file. Their shapes differ from file to file; tests name the fields they use. */
export function golden<Line>(name: string): Line[] {
  return goldenText(name)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

function unpacked(name: string): string {
  return gunzipSync(readFileSync(path.join(shared!, 'data', name))).toString('utf8');
}

function jsonLines<Line>(name: string): Line[] {
  return unpacked(name)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

interface RawArc {
  id: string;
  question: { stem: string; choices: { text: string; label: string }[] };
  answerKey: string;
}

/** AI2's own files in the columns of the Hub's dataset. */
function arcRows(name: string): Row[] {
  return jsonLines<RawArc>(name).map(({ id, question, answerKey }) => ({
    id,
    question: question.stem,
    choices: {
      text: question.choices.map((choice) => choice.text),
      label: question.choices.map((choice) => choice.label),
    },
    answerKey,
  }));
}

/** WikiText's one file cut where a first-level heading begins. */
function wikitextPages(): Row[] {
  const pages: string[][] = [[]];
  for (const line of unpacked('wikitext2/wiki.test.raw.gz').split('\n')) {
    const heading = line.replaceAll('= = =', '===').replaceAll('= =', '==').trim();
    if (heading.startsWith('= ') && heading.endsWith(' =')) pages.push([]);
    pages.at(-1)!.push(line);
  }
  return pages
    .map((lines) => lines.join('\n'))
    .filter((page) => page.trim() !== '')
    .map((page) => ({ page }));
}

const loaders: Readonly<Record<string, () => Row[]>> = {
  'allenai/ai2_arc/test': () => arcRows('arc/ARC-Easy-Test.jsonl.gz'),
  'allenai/ai2_arc/train': () => arcRows('arc/ARC-Easy-Train.jsonl.gz'),
  'openai/gsm8k/test': () => jsonLines('gsm8k/test.jsonl.gz'),
  'openai/gsm8k/train': () => jsonLines('gsm8k/train.jsonl.gz'),
  'EleutherAI/wikitext_document_level/test': wikitextPages,
};

/** The full splits, each read once. */
export function sharedDatasets(): Datasets {
  const loaded = new Map<string, Row[]>();
  return {
    async rows({ path: dataset }, split) {
      const key = `${dataset}/${split}`;
      const rows = loaded.get(key) ?? loaders[key]!();
      loaded.set(key, rows);
      return { rows, where: key };
    },
  };
}
