import { MoepressError, suggest, type TextColumn, type Work } from '@moepress/core';
import type { Dataset, Row, Rows } from '../datasets/dataset.js';
import { readRows } from '../datasets/file.js';
import { exists } from '../datasets/folder.js';
import type { Datasets } from '../datasets/open.js';
import { loadDocuments } from '../requests/documents.js';
import { solvedText } from '../requests/prompts.js';
import { findTask, taskNames } from '../tasks/registry.js';
import { type CalibrationSource, calibrationForms } from './calibration-spec.js';
import { type Conversation, conversationsIn, holdsConversations, toolsColumn } from './conversations.js';
import { readTextSet, textSetNames } from './text-sets.js';

/** Where sources are looked up. */
export interface TextSources {
  readonly datasets: Datasets;
  /** Files of further named sets, by name. */
  readonly files?: Readonly<Record<string, string>> | undefined;
}

/** What a source gives: texts, or conversations, which become texts by a chat template. */
export type SourceDocument = SourceText | Conversation;

/** A document, and the number of its first characters that are a question, which the rest answers. */
export interface SourceText {
  readonly text: string;
  /** 0 for text that does not answer a question. */
  readonly question: number;
}

/**
 * Documents of a source in their order, blank texts left out. Throws `CALIBRATION_INVALID`, `TASK_UNKNOWN`
 * and what `Datasets.rows` throws.
 */
export async function loadTexts(
  source: CalibrationSource,
  sources: TextSources,
  work: Work,
): Promise<SourceDocument[]> {
  const documents = await allDocuments(source, sources, work);
  return documents.filter((document) => 'messages' in document || document.text.trim() !== '');
}

function allDocuments(
  source: CalibrationSource,
  sources: TextSources,
  work: Work,
): Promise<readonly SourceDocument[]> {
  switch (source.kind) {
    case 'task':
      return taskTexts(source, sources, work);
    case 'named':
      return namedTexts(source.name, sources, work).then(asDocuments);
    case 'dataset':
      return datasetTexts(source, sources, work);
    case 'file':
      return fileRows(source.path, [source.column, toolsColumn], work).then((rows) =>
        documentsIn(rows, source.column),
      );
  }
}

async function namedTexts(name: string, { datasets, files = {} }: TextSources, work: Work) {
  if (Object.hasOwn(files, name)) return textColumn(await fileRows(files[name]!, ['text'], work), 'text');
  if (!Object.hasOwn(namedSets, name)) {
    const column = async ({ dataset, config, split, column: wanted }: TextColumn) =>
      textColumn(
        await datasets.rows({ path: dataset, config, files: null }, split, { ...work, columns: [wanted] }),
        wanted,
      );
    const texts = await readTextSet(name, column, work);
    if (texts !== null) return texts;
    throw unknownName(name, [...Object.keys(files), ...Object.keys(namedSets), ...textSetNames()]);
  }
  const { dataset, split, column, documents } = namedSets[name]!;
  const values = textColumn(await datasets.rows(dataset, split, { ...work, columns: [column] }), column);
  return documents?.(values) ?? values;
}

async function datasetTexts(
  { id, config, split, column }: CalibrationSource & { kind: 'dataset' },
  { datasets }: TextSources,
  work: Work,
): Promise<readonly SourceDocument[]> {
  const columns = [column, toolsColumn];
  return documentsIn(
    await datasets.rows({ path: id, config, files: null }, split, { ...work, columns }),
    column,
  );
}

/** Texts or conversations, whichever the column holds. */
const documentsIn = (rows: Rows, column: string): readonly SourceDocument[] =>
  holdsConversations(rows, column) ? conversationsIn(rows, column) : asDocuments(textColumn(rows, column));

const asDocuments = (texts: readonly string[]): readonly SourceText[] =>
  texts.map((text) => ({ text, question: 0 }));

/** Each question with its answer, as the task shows its solved examples. */
async function taskTexts(
  { task: name, split }: CalibrationSource & { kind: 'task' },
  { datasets }: TextSources,
  work: Work,
): Promise<SourceText[]> {
  const task = findTask(name, 'calibration');
  const splits = [task.training_split, task.validation_split, task.test_split, task.fewshot_split];
  const known = [...new Set(splits.filter((known) => known !== undefined))];
  if (!known.includes(split)) {
    throw invalid(`${name}[${split}]`, `${name} has no split "${split}".`, `Pick from ${known.join(', ')}.`);
  }
  const documents = await loadDocuments(task, datasets, split, work);
  return documents.map((document) => solvedText(task, document));
}

async function fileRows(path: string, columns: readonly string[], work: Work): Promise<Rows> {
  if (!(await exists(path))) {
    throw invalid(path, 'The file does not exist or cannot be read.', 'Check the path and its permissions.');
  }
  return { rows: await readRows(path, { ...work, columns }), where: path };
}

/** The values of a column in their order. Rows without a value are skipped; an error is thrown if no row has one. */
function textColumn({ rows, where }: Rows, column: string): string[] {
  const valueIn = (row: Row) => (Object.hasOwn(row, column) ? (row[column] ?? null) : null);
  const hasSome = rows.some((row) => valueIn(row) !== null);
  return rows.flatMap((row, i) => {
    const value = valueIn(row);
    if (typeof value === 'string') return [value];
    if (value === null && hasSome) return [];
    const texts = Object.keys(row).filter((name) => typeof row[name] === 'string');
    throw invalid(
      where,
      `Row ${i + 1} has no text in column "${column}".`,
      texts.length > 0 ? `Name a column that has: ${texts.join(', ')}.` : undefined,
    );
  });
}

function unknownName(name: string, names: readonly string[]): MoepressError {
  const guess = suggest(name, names);
  return invalid(
    'calibration',
    `There is no calibration set "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    taskNames().includes(name)
      ? `${name} is a task: name a split of it too, as in ${name}[train].`
      : `Pick from ${names.join(', ')}, or give one of: ${calibrationForms.join('; ')}.`,
  );
}

function invalid(where: string, message: string, hint?: string): MoepressError {
  return new MoepressError('CALIBRATION_INVALID', { message, where, hint });
}

/** The datasets behind names that papers use for calibration sets. */
export interface NamedSet {
  readonly dataset: Dataset;
  readonly split: string;
  readonly column: string;
  /** Joins the values of the column into documents, where they are not documents already. */
  readonly documents?: (values: readonly string[]) => string[];
}

/** Names of the sets that come with moepress. */
export const namedSetNames = (): string[] => Object.keys(namedSets);

const namedSets: Readonly<Record<string, NamedSet>> = {
  /** WikiText-2 (Merity et al., 2016) with its tokenisation marks, split into articles. */
  wikitext: {
    dataset: { path: 'Salesforce/wikitext', config: 'wikitext-2-raw-v1', files: null },
    split: 'train',
    column: 'text',
    documents: wikitextArticles,
  },
  /** The Colossal Clean Crawled Corpus (Raffel et al., 2020): the first of its eight validation files. */
  c4: {
    dataset: {
      path: 'allenai/c4',
      config: 'en',
      files: null,
      hubFiles: { validation: 'en/c4-validation.00000-of-00008.json.gz' },
    },
    split: 'validation',
    column: 'text',
  },
};

/** The dataset has one line per row, possibly empty; an article begins at a first-level heading. */
function wikitextArticles(lines: readonly string[]): string[] {
  const articles: string[][] = [[]];
  for (const line of lines) {
    if (/^ = [^=].* = \n?$/.test(line)) articles.push([]);
    articles.at(-1)!.push(line === '' ? ' \n' : line);
  }
  return articles.map((article) => article.join(''));
}
