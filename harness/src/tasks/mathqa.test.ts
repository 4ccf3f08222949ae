import { expect, it } from 'vitest';
import { mathqa, splitOptions } from './mathqa.js';

const row = {
  Problem: 'what is 7 times 4 ?',
  options: 'a ) 28 , b ) rs . 1,400 , c ) 2 / 7 , d ) none of these , e ) 11',
  correct: 'd',
};

it('cuts the options apart, whatever commas they hold', () => {
  expect(splitOptions(row.options)).toEqual(['28', 'rs . 1,400', '2 / 7', 'none of these', '11']);
});

it('asks for the text of an option', () => {
  expect(mathqa.doc_to_text.render(row)).toBe('Question: what is 7 times 4 ?\nAnswer:');
  expect(mathqa.doc_to_target.render(row)).toBe(3);
});

it('refuses options without the correct one', () => {
  expect(mathqa.row.safeParse(row).success).toBe(true);
  expect(mathqa.row.safeParse({ ...row, options: 'a ) 28 , b ) 29 ,' }).success).toBe(false);
});
