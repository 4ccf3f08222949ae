import { readFileSync } from 'node:fs';
import { createRng, type Rng } from '@moepress/core';
import type { Row } from '@moepress/reference';
import { tinyModel } from '@moepress/tiny';

/** Rows in the columns of a dataset, with texts as long as its own and words that the embedded tokenizer knows. */
export function inventedRows(dataset: string, split: string): Row[] {
  const { count, row } = inventions[dataset]!;
  const writer = new Writer(createRng(split.length + dataset.length));
  return Array.from({ length: split === 'dev' ? 5 : count }, (_, i) => row(writer, i));
}

/** Draws texts from the words of the embedded calibration text. */
class Writer {
  readonly #words = readFileSync(tinyModel.calibrationFile, 'utf8').split(/\s+/).filter(Boolean);

  constructor(readonly rng: Rng) {}

  /** A whole number from `from` to `to`. */
  number(from: number, to: number): number {
    return from + Math.floor(this.rng.next() * (to - from + 1));
  }

  /** Between `from` and `to` words that occur together somewhere. */
  text(from: number, to: number): string {
    const length = this.number(from, to);
    const start = this.number(0, this.#words.length - length - 1);
    return this.#words.slice(start, start + length).join(' ');
  }

  texts(count: number, from: number, to: number): string[] {
    return Array.from({ length: count }, () => this.text(from, to));
  }
}

interface Invention {
  readonly count: number;
  readonly row: (writer: Writer, index: number) => Row;
}

/** Number of words by dataset, about those of its shorter and longer rows. */
const inventions: Readonly<Record<string, Invention>> = {
  'allenai/ai2_arc': {
    count: 600,
    row: (writer, i) => ({
      id: `invented-${i}`,
      question: `${writer.text(8, 36)}?`,
      choices: { text: writer.texts(4, 1, 10), label: ['A', 'B', 'C', 'D'] },
      answerKey: 'ABCD'[writer.number(0, 3)],
    }),
  },
  'Rowan/hellaswag': {
    count: 200,
    row: (writer, i) => ({
      ind: i,
      activity_label: writer.text(1, 3),
      ctx_a: writer.text(15, 50),
      ctx_b: writer.text(2, 5),
      endings: writer.texts(4, 8, 35),
      label: String(writer.number(0, 3)),
    }),
  },
  'cais/mmlu': {
    count: 152,
    row: (writer) => ({
      question: `${writer.text(10, 50)}?`,
      subject: 'astronomy',
      choices: writer.texts(4, 2, 18),
      answer: writer.number(0, 3),
    }),
  },
  'openai/gsm8k': {
    count: 64,
    row: (writer) => ({
      question: `${writer.text(25, 70)}?`,
      answer: `${writer.texts(3, 10, 25).join('\n')}\n#### ${writer.number(2, 900)}`,
    }),
  },
  'EleutherAI/wikitext_document_level': {
    count: 8,
    row: (writer) => ({ page: writer.texts(24, 40, 180).join('\n') }),
  },
};
