import type { Row } from '../datasets/dataset.js';
import { memoryDatasets } from './memory.js';

/** Invented rows in the columns of the real datasets, enough of each to draw five examples. */
const colours = ['red', 'green', 'blue', 'white', 'black', 'grey', 'brown'];

const arc: Row[] = colours.map((colour, i) => ({
  id: `q-${i}`,
  question: `Which paint is ${colour}${i % 2 ? '?' : ''}`,
  choices: {
    text: [colours[(i + 3) % 7]!, colour, `${colour} 漢😀`],
    label: i % 2 ? ['1', '2', '3'] : ['A', 'B', 'C'],
  },
  answerKey: i % 2 ? '2' : 'B',
}));

const gsm: Row[] = colours.map((colour, i) => ({
  question: `Ann has ${i + 10} ${colour} pens and buys ${i}. How many has she?`,
  answer: `${i + 10} + ${i} = ${2 * i + 10}\n#### ${2 * i + 10}`,
}));

const pages: Row[] = colours.map((colour) => ({
  page: ` = ${colour} = \n \n The ${colour} car , @-@ made in 1 @,@ 000 parts .\n`,
}));

export const school = memoryDatasets({
  'allenai/ai2_arc/test': arc.slice(0, 6),
  'allenai/ai2_arc/train': arc,
  'openai/gsm8k/test': gsm.slice(0, 6),
  'openai/gsm8k/train': gsm,
  'EleutherAI/wikitext_document_level/test': pages,
  'heldout.txt': pages.map(({ page }) => ({ text: page })),
});

/** The worked answers, for the fake model. */
export const schoolAnswers = new Map(gsm.map((row) => [row.question as string, row.answer as string]));
