import type { Dataset } from '../datasets/dataset.js';

/** A set that papers name without saying more. */
export interface NamedSet {
  readonly dataset: Dataset;
  readonly split: string;
  readonly column: string;
  /** Documents of the column's values, if they are not documents already. */
  readonly documents?: (values: readonly string[]) => string[];
}

export const namedSets: Readonly<Record<string, NamedSet>> = {
  /** WikiText-2 (Merity et al., 2016), tokenisation marks and all, by articles. */
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

/** The dataset has a row a line, blank lines emptied; an article begins at a first-level heading. */
export function wikitextArticles(lines: readonly string[]): string[] {
  const articles: string[][] = [[]];
  for (const line of lines) {
    if (/^ = [^=].* = \n?$/.test(line)) articles.push([]);
    articles.at(-1)!.push(line === '' ? ' \n' : line);
  }
  return articles.map((article) => article.join(''));
}
