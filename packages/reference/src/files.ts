import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Where the reference data is: in the folder that MOEPRESS_SHARED names, or null. */
export function dataFolder(): string | null {
  const { MOEPRESS_SHARED: shared } = process.env;
  const folder = shared ? path.join(shared, 'data') : null;
  return folder !== null && existsSync(folder) ? folder : null;
}

/** A packed file of the reference data. Throws if there is none. */
export function unpacked(name: string): Buffer {
  const folder = dataFolder();
  if (folder === null) throw new Error('MOEPRESS_SHARED names no folder with reference data.');
  return gunzipSync(readFileSync(path.join(folder, name)));
}

export function lines(name: string): string[] {
  return unpacked(name).toString('utf8').trimEnd().split('\n');
}

export function jsonLines<Line>(name: string): Line[] {
  return lines(name).map((line) => JSON.parse(line) as Line);
}

/** Files of an uncompressed tar archive, by name; long names and links are not known. */
export function tarFiles(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  const block = 512;
  for (let at = 0; at + block <= archive.length; ) {
    const field = (from: number, length: number) =>
      archive.toString('latin1', at + from, at + from + length).replace(/\0.*$/s, '');
    const size = Number.parseInt(field(124, 12) || '0', 8);
    const start = at + block;
    if (size > 0) files.set(field(0, 100), archive.toString('utf8', start, start + size));
    at = start + Math.ceil(size / block) * block;
  }
  return files;
}

/** Rows of a table with a header. Quotes may hold separators and newlines, and doubled quotes. */
export function tableRows(text: string, separator: ',' | '\t'): Record<string, string>[] {
  const cell = new RegExp(`(?:"((?:[^"]|"")*)"|([^"${separator}\\r\\n]*))(${separator}|\\r?\\n|$)`, 'g');
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(cell)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end !== separator) rows.push([]);
  }
  const [header, ...body] = rows.filter((row) => row.length > 1);
  return body.map((cells) => Object.fromEntries(header!.map((column, i) => [column, cells[i]!])));
}
