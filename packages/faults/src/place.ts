import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folders that a command knows: what it does is seen there, and nowhere else. */
export interface Place {
  readonly root: string;
  /** Where the user stands. */
  readonly work: string;
  readonly cache: string;
  readonly tmp: string;
}

export function makePlace(): Place {
  const root = mkdtempSync(join(tmpdir(), 'moepress-faults-'));
  const place = { root, work: join(root, 'work'), cache: join(root, 'cache'), tmp: join(root, 'tmp') };
  for (const folder of [place.work, place.cache, place.tmp]) mkdirSync(folder);
  return place;
}

export const removePlace = ({ root }: Place): void => rmSync(root, { recursive: true, force: true });

/** What writing needs meanwhile, by its names. */
const temporary = [
  /\.partial-/,
  /\.moepress-lock$/,
  /(^|\/)(run\.)?lock$/,
  /(^|\/)scratch-/,
  /\.finished-/,
  /^tmp\/./,
];

/** Everything that lies in a place. */
export const namesIn = ({ root }: Place): string[] =>
  (readdirSync(root, { recursive: true }) as string[]).sort();

/** What should be gone when a command has ended well. */
export const leftIn = (place: Place): string[] =>
  namesIn(place).filter((name) => temporary.some((pattern) => pattern.test(name)));

/** Names of all files, as they are whenever the command ran. */
export const timelessNames = (place: Place): string[] => [
  ...new Set(namesIn(place).map((name) => name.replace(/\d{4}-\d\d-\d\dT[\d.-]+(?=\.json)/, '<time>'))),
];
