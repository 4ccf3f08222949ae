import { expect, it } from 'vitest';
import { compileTaskTemplate } from './index.js';

const doc = { question: ' Why?\n', choices: { text: ['a', 'b'], label: ['A', 'B'] }, answer: 'B', n: 2 };
const render = (template: string) => compileTaskTemplate(template).render(doc);

it.each([
  ['{{question.strip()}}\n', 'Why?\n'],
  ['{% if n %}\nx\n{% endif %}\n', '\nx\n\n'],
  ['a\n  {% if n %}b{% endif %}', 'a\n  b'],
  ['a\n  {%- if n -%}\n b{% endif %}', 'ab'],
  ['{# none #}\nx', '\nx'],
  ['{% raw %}\n{{n}}{% endraw %}\n', '\n{{n}}\n'],
  ['{{choices.text}}', "['a', 'b']"],
  ['{{choices.label.index(answer)}}', '1'],
  ["{{['A', 'B'][n - 1]}} {{choices['text'][0]}}", 'B a'],
  ["{{ 'is' if other is defined else 'is not' }}{{ other | default('-') }}", 'is not-'],
])('keeps blanks as jinja2 does by itself: %j', (template, expected) => {
  expect(render(template)).toBe(expected);
});

it.each(['{{other}}', '{{question ~ other}}', '{% for x in other %}{% endfor %}', '{{choices.other}}'])(
  'refuses what is not defined: %s',
  (template) => {
    expect(() => render(template)).toThrow('"other" is undefined');
  },
);

it.each([
  '{% if other %}{% endif %}',
  "{{other == 'x'}}",
  '{{choices.text[5]}}',
  "{{'x' if other is defined}}",
])('refuses any use of what is not defined: %s', (template) => {
  expect(() => render(template)).toThrow('is undefined');
});
