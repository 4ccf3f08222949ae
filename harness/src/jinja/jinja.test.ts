import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from './index.js';
import { TemplateError } from './template-error.js';

/** What Python's jinja2 makes of templates; scripts/jinja-table.py writes it. */
interface Table {
  readonly context: Readonly<Record<string, unknown>>;
  /** `expected` is null where jinja2 refuses the template, or writes the address of an object. */
  readonly rows: readonly { readonly template: string; readonly expected: string | null }[];
}

const table: Table = JSON.parse(
  readFileSync(new URL('../../fixtures/jinja-table.json', import.meta.url), 'utf8'),
);

function render(template: string, variables = table.context, now?: Date): string | null {
  try {
    return compileTemplate(template).render(variables, now);
  } catch (error) {
    if (error instanceof Error && error.name === 'TemplateError') return null;
    throw error;
  }
}

/** What is refused though jinja2 writes it: web pages, bytes, chance, blocks of templates that build on each other. */
const refused =
  /\.encode\(|__class__|wordwrap|\|e(scape)? |striptags|urlencode|filesizeformat|pprint|random|% block|% autoescape/;

describe('templates', () => {
  it.each(table.rows)('are written as jinja2 writes them: $template', ({ template, expected }) => {
    expect(render(template)).toBe(refused.test(template) ? null : expected);
  });

  it.each([
    ['{% for i in range(100001) %}x{% endfor %}', 'range'],
    ['{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}', 'steps'],
    ["{{ 'x' * 100000000 }}", 'too long'],
    ["{% for i in range(60000) %}{{ 'x' * 1000 }}{% endfor %}", 'too long'],
    ['{{ 10 ** 1000000 }}', 'too large'],
    ["{{ '%100000000s' % 1 }}", 'too wide'],
    ["{{ 'x'.center(100000000) }}", 'too long'],
    ['{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', 'nested too deep'],
    [`{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`, 'nested'],
    [`${'{% if 1 %}'.repeat(5000)}${'{% endif %}'.repeat(5000)}`, 'nested'],
    ["{{ ''.__class__.__mro__ }}", 'out of bounds'],
    ['{{ l.append(1) }}', 'out of bounds'],
    ['{{ {}.constructor.constructor }}', 'undefined'],
  ])('take no more than a conversation needs: %s', (template, problem) => {
    const render = () => compileTemplate(template).render(table.context);
    expect(render).toThrow(TemplateError);
    expect(render).toThrow(problem);
  });

  it('tell the time they are given', () => {
    const now = new Date(2026, 2, 5, 14, 7, 9);
    expect(render("{{ strftime_now('%d %b %Y, %A %-d. %B %H:%M:%S %I %p %y %%') }}", {}, now)).toBe(
      '05 Mar 2026, Thursday 5. March 14:07:09 02 PM 26 %',
    );
    expect(render("{{ strftime_now('%Q') }}", {}, now)).toBeNull();
  });

  it('tell messages of no prototype', () => {
    const messages = JSON.parse('[{"role": "user", "__proto__": {"content": "x"}}]');
    expect(render('{{ messages[0].content }}|{{ messages[0].toString }}', { messages })).toBe('|');
  });
});
