import { tinyModel } from '@moepress/tiny';

/** What the embedded model is called; a folder of that name is `./tiny`. */
export const embeddedName = 'tiny';

export const embeddedDirectory: string = tinyModel.directory;

/** The text that comes with it. */
export const embeddedText: string = tinyModel.calibrationFile;
