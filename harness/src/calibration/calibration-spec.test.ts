import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CalibrationPart, parseCalibration, renderCalibration } from './calibration-spec.js';

const named = (name: string) => ({ kind: 'named', name });
const task = (name: string, split: string) => ({ kind: 'task', task: name, split });
const file = (path: string, column = 'text') => ({ kind: 'file', path, column });
const dataset = (id: string, config: string, split: string, column: string) => ({
  kind: 'dataset',
  id,
  config,
  split,
  column,
});

describe('parseCalibration', () => {
  it.each([
    ['wikitext:128x2048', named('wikitext'), 128, 2048],
    ['tiny', named('tiny'), null, null],
    ['c4:16', named('c4'), 16, null],
    ['gsm8k[train]:128', task('gsm8k', 'train'), 128, null],
    ['wikitext[validation]', task('wikitext', 'validation'), null, null],
    ['allenai/c4[en, train, text]:8x64', dataset('allenai/c4', 'en', 'train', 'text'), 8, 64],
    ['a/b[20220301.en,train,the body]', dataset('a/b', '20220301.en', 'train', 'the body'), null, null],
    ['notes.txt', file('notes.txt'), null, null],
    ['../a b/c4.jsonl.gz:128x2048', file('../a b/c4.jsonl.gz'), 128, 2048],
    ['C:\\data\\rows.parquet[body]:4', file('C:\\data\\rows.parquet', 'body'), 4, null],
    ['some/rows.jsonl[text]', file('some/rows.jsonl'), null, null],
    ['rows.csv[body]:3', file('rows.csv', 'body'), 3, null],
    ['"a+b, c[1].txt":4x32', file('a+b, c[1].txt'), 4, 32],
    ['"a[1].jsonl"[body]', file('a[1].jsonl', 'body'), null, null],
  ])('reads %s', (spec, source, sequences, length) => {
    expect(parseCalibration(spec)).toEqual([{ source, sequences, length }]);
  });

  it('joins several sets by plus or comma', () => {
    const parts = parseCalibration('gsm8k[train]:8, a/b[c,d,e]:2x9+x.txt');
    expect(parts.map(({ source }) => source.kind)).toEqual(['task', 'dataset', 'file']);
    expect(renderCalibration(parts)).toBe('gsm8k[train]:8+a/b[c,d,e]:2x9+x.txt');
  });

  it('reads how conversations are to be read', () => {
    const spec = 'chat.jsonl[messages,answers,template=tool_use,enable_thinking=false,effort=low]:8';
    const [part] = parseCalibration(spec);
    expect(part).toEqual({
      source: file('chat.jsonl', 'messages'),
      sequences: 8,
      length: null,
      reading: {
        answersOnly: true,
        template: 'tool_use',
        args: { enable_thinking: false, effort: 'low' },
      },
    });
    expect(renderCalibration([part!])).toBe(spec);
    expect(parseCalibration('a/b[c,d,messages,answers]')[0]).toMatchObject({
      reading: { answersOnly: true },
    });
    expect(parseCalibration('x.jsonl[answers]')).toEqual([
      { source: file('x.jsonl', 'answers'), sequences: null, length: null },
    ]);
  });

  it('gives each set its share of all sequences', () => {
    const counts = (spec: string) => parseCalibration(spec).map(({ sequences }) => sequences);
    expect(counts('c4:75%x64+x.jsonl[messages]:25%@128')).toEqual([96, 32]);
    expect(counts('a.txt:33.3%+b.txt:33.3%+c.txt:33.4%@10')).toEqual([3, 3, 4]);
    expect(renderCalibration(parseCalibration('c4:50%x64+x.txt:50%@7'))).toBe('c4:4x64+x.txt:3');
  });

  it.each([
    ['c4:50%+x.txt:50%', '@128'],
    ['c4:50%+x.txt:40%@10', '90 %'],
    ['c4:50%+x.txt:5@10', 'all have'],
    ['c4:5+x.txt:5@10', 'no shares'],
    ['c4:0%+x.txt:100%@10', 'nothing'],
    ['c4:1%+x.txt:99%@10', 'too few'],
    ['x.jsonl[messages,answers,what]', '"what"'],
    ['', 'form'],
    ['wikitext+', 'form'],
    ['[train]:8', 'form'],
    ['gsm8k[train', 'form'],
    ['gsm8k[train]8', 'form'],
    ['wikitext:8x', 'neither a named set'],
    ['wikitext:12345678', 'neither a named set'],
    ['wikitext:0', 'nothing'],
    ['wikitext:8x0', 'nothing'],
    ['gsm8k[]', 'empty'],
    ['a/b[c,,e]', 'empty'],
    ['gsm8k[main,train]', 'its split'],
    ['allenai/c4:128', '[config,split,column]'],
    ['allenai/c4[en,train]', '[config,split,column]'],
    ['allenai/c4[en,train,text,more]', '[config,split,column]'],
    ['allenai/c4[../..,train,text]', 'letters'],
    ['./notes.md', 'known type'],
    ['x.txt[body]', 'no columns'],
    ['x.jsonl[a,b]', 'its column'],
    ['"wikitext":4', 'only files'],
    ['"x.txt', 'form'],
    ['a+b[1].txt', 'form'],
  ])('refuses "%s" and says what it takes', (spec, problem) => {
    expect(() => parseCalibration(spec)).toThrow(
      expect.objectContaining({
        code: 'CALIBRATION_INVALID',
        message: expect.stringContaining(problem),
        hint: expect.stringContaining('gsm8k[train]:128'),
      }),
    );
  });

  it('takes no time to speak of for a long list', () => {
    expect(() => parseCalibration('+'.repeat(200_000))).toThrow(
      expect.objectContaining({ code: 'CALIBRATION_INVALID' }),
    );
  });

  it('reads back whatever is rendered', () => {
    const name = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,8}$/);
    const column = fc.stringMatching(/^[A-Za-z0-9_]([A-Za-z0-9_ :.-]{0,8}[A-Za-z0-9_])?$/);
    const fileName = fc.stringMatching(/^[A-Za-z0-9_+,[\]]([A-Za-z0-9_ :.+,[\]-]{0,8}[A-Za-z0-9_\]])?$/);
    const extension = fc.constantFrom('.jsonl', '.jsonl.gz', '.parquet');
    const sequences = fc.integer({ min: 1, max: 9_999_999 });
    const source: fc.Arbitrary<CalibrationPart['source']> = fc.oneof(
      fc.record({ kind: fc.constant('named' as const), name }),
      fc.record({ kind: fc.constant('task' as const), task: name, split: name }),
      fc.record({
        kind: fc.constant('dataset' as const),
        id: fc.tuple(name, name).map((both) => both.join('/')),
        config: name,
        split: name,
        column,
      }),
      fc.record({
        kind: fc.constant('file' as const),
        path: fc.tuple(fileName, extension).map((both) => both.join('')),
        column,
      }),
    );
    const part: fc.Arbitrary<CalibrationPart> = fc.oneof(
      fc.record({ source, sequences: fc.option(sequences), length: fc.constant(null) }),
      fc.record({ source, sequences, length: sequences }),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), (parts) => {
        expect(parseCalibration(renderCalibration(parts))).toEqual(parts);
      }),
    );
  });
});
