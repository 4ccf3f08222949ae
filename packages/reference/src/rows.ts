import { jsonLines, lines, tableRows, tarFiles, unpacked } from './files.js';

export type Row = Readonly<Record<string, unknown>>;

// The authors' own files in the columns, order and types of the Hub's datasets.

interface RawQuestion {
  id: string;
  question: { stem: string; choices: { text: string; label: string }[] };
  answerKey: string;
}

/** Questions of ARC and OpenBookQA; the two name their text differently. */
export function letteredRows(file: string, textColumn: string): Row[] {
  return jsonLines<RawQuestion>(file).map(({ id, question, answerKey }) => ({
    id,
    [textColumn]: question.stem,
    choices: {
      text: question.choices.map((choice) => choice.text),
      label: question.choices.map((choice) => choice.label),
    },
    answerKey,
  }));
}

export function boolqRows(file: string): Row[] {
  return jsonLines<{ question: string; passage: string; label: boolean }>(file).map((row, idx) => ({
    question: row.question,
    passage: row.passage,
    idx,
    label: Number(row.label),
  }));
}

export function hellaswagRows(file: string): Row[] {
  return jsonLines<Record<string, unknown>>(file).map((row) => ({
    ind: row.ind,
    activity_label: row.activity_label,
    ctx_a: row.ctx_a,
    ctx_b: row.ctx_b,
    ctx: row.ctx,
    endings: row.endings,
    source_id: row.source_id,
    split: row.split,
    split_type: row.split_type,
    label: String(row.label),
  }));
}

/** PIQA and Social IQa keep their labels in a second file. */
export function labelledRows(file: string, labels: string, read: (label: string) => unknown): Row[] {
  const answers = lines(labels);
  return jsonLines<Row>(file).map((row, i) => ({ ...row, label: read(answers[i]!) }));
}

export function winograndeRows(file: string): Row[] {
  return jsonLines<Row>(file).map(({ sentence, option1, option2, answer }) => ({
    sentence,
    option1,
    option2,
    answer,
  }));
}

export function glueRteRows(file: string): Row[] {
  return tableRows(unpacked(file).toString('utf8'), '\t').map(({ sentence1, sentence2, label, idx }) => ({
    sentence1,
    sentence2,
    label: Number(label),
    idx: Number(idx),
  }));
}

export function superGlueRteRows(file: string): Row[] {
  return jsonLines<Row>(file).map(({ premise, hypothesis, label, idx }) => ({
    premise,
    hypothesis,
    idx,
    label: label === 'entailment' ? 0 : 1,
  }));
}

/** Rows of every subject of MMLU. */
export function mmluRows(split: 'dev' | 'test'): Map<string, Row[]> {
  const files = tarFiles(unpacked(`mmlu/${split}.tar.gz`));
  return new Map(
    [...files].map(([name, text]) => {
      const subject = name.slice(split.length + 1, -`_${split}.csv`.length);
      const rows = tableRows(text, ',').map((row) => ({
        question: row.question,
        subject,
        choices: [row.choice0, row.choice1, row.choice2, row.choice3],
        answer: Number(row.answer),
      }));
      return [subject, rows];
    }),
  );
}

/** WikiText's one file cut where a first-level heading begins. */
export function wikitextPages(): Row[] {
  const pages: string[][] = [[]];
  for (const line of unpacked('wikitext2/wiki.test.raw.gz').toString('utf8').split('\n')) {
    const heading = line.replaceAll('= = =', '===').replaceAll('= =', '==').trim();
    if (heading.startsWith('= ') && heading.endsWith(' =')) pages.push([]);
    pages.at(-1)!.push(line);
  }
  return pages
    .map((lines) => lines.join('\n'))
    .filter((page) => page.trim() !== '')
    .map((page) => ({ page }));
}
