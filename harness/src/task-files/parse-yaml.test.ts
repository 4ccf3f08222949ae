import { expect, it } from 'vitest';
import { parseTaskYaml, YamlError } from './parse-yaml.js';

it.each([
  ['yes', true],
  ['No', false],
  ['y', 'y'],
  ['~', null],
  ['', null],
  ['010', 8],
  ['08', '08'],
  ['1_000', 1000],
  ['-0x1F', -31],
  ['1:30', 90],
  ['1.5e+3', 1500],
  ['1e5', '1e5'],
  ['.inf', Infinity],
  ['2026-01-01', '2026-01-01'],
  ['"yes"', 'yes'],
  ['"\\n\\u00e9"', '\né'],
])('reads %j as PyYAML does', (text, value) => {
  expect(parseTaskYaml(`key: ${text}`)).toEqual({ key: value });
});

it('tells functions from texts, merges maps, and takes the last of equal keys', () => {
  const text = `
base: &base {a: 1, b: 2}
made: {<<: *base, b: 3}
process_docs: !function utils.process_docs
made: {<<: *base, b: 4}
`;
  expect(parseTaskYaml(text)).toEqual({
    base: { a: 1, b: 2 },
    made: { a: 1, b: 4 },
    process_docs: { '!function': 'utils.process_docs' },
  });
});

it('lets quoted texts go on at the beginning of a line', () => {
  const text = 'a: "x\ny \\"\n\nz"\nb: |\n  c: "d\n  e\nf: \'g\nit\'\'s\nh\'';
  expect(parseTaskYaml(text)).toEqual({ a: 'x y "\nz', b: 'c: "d\ne\n', f: "g it's h" });
});

const bomb = `${Array.from(
  { length: 12 },
  (_, i) =>
    `a${i}: &a${i} [${Array(9)
      .fill(i === 0 ? 'x' : `*a${i - 1}`)
      .join(', ')}]`,
).join('\n')}`;

it.each([
  ['key: !!python/object/apply:os.system ["id"]', 'Unresolved tag'],
  ['key: [1, 2', 'in line 1'],
  ['a: 1\nb: "x\n', 'quote'],
  [bomb, 'alias'],
  [`key: ${'['.repeat(80)}${']'.repeat(80)}`, 'deeper than 50'],
  ['key: &self [*self]', 'within itself'],
])('refuses what is not sound: %.40j', (text, problem) => {
  expect(() => parseTaskYaml(text)).toThrow(YamlError);
  expect(() => parseTaskYaml(text)).toThrow(problem);
});
