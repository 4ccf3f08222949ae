import { styleText } from 'node:util';

type Format = Parameters<typeof styleText>[0];

/** Puts a text into a colour or weight, or leaves it as it is. */
export type Style = (format: Format, text: string) => string;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How texts for a stream are coloured: on a terminal, unless `NO_COLOR` is there and not empty (https://no-color.org) or
 * the terminal is a dumb one; anywhere if `FORCE_COLOR` demands it.
 */
export function styleFor(
  stream: { readonly isTTY?: boolean },
  environment: Environment = process.env,
): Style {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: terminal } = environment;
  const forced = force !== undefined && force !== '0' && force !== 'false';
  const colours = no
    ? false
    : forced || (stream.isTTY === true && force === undefined && terminal !== 'dumb');
  return (format, text) => (colours ? styleText(format, text, { validateStream: false }) : text);
}

/** Characters that escape sequences of colours take up no column with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one.
export const plain = (text: string): string => text.replace(/\u001b\[\d+m/g, '');

/** A text in lines of at most `width` columns, broken between words; all but the first are indented. */
export function wrap(text: string, width: number, indent = '  '): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || [...plain(longer)].length <= width) lines[lines.length - 1] = longer;
    else lines.push(indent + word);
  }
  return lines.join('\n');
}
