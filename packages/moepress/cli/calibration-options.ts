import { type CalibrationPart, calibrationForms, parseCalibration } from '@moepress/harness';
import { Option } from 'commander';
import { renamed } from '../src/check-options.js';

/** Reads a calibration set of an option; a wrong one names it. */
export const calibrationOf = (option: string) => (text: string) => {
  try {
    return parseCalibration(text);
  } catch (error) {
    throw renamed(error, { calibration: option });
  }
};
export const calibrationOption = (
  purpose = 'what to measure on (default: of tiny its own text; of others it is required where the method measures)',
) =>
  new Option('--calibration <set>', `${purpose}: ${calibrationForms.join('; ')}`).argParser(parseCalibration);
export const domainsOption = () =>
  new Option(
    '--domains <set>',
    'a further set to measure on, for a budget that compares several (max-min); may be repeated',
  ).argParser((text: string, earlier: readonly (readonly CalibrationPart[])[] = []) => [
    ...earlier,
    calibrationOf('domains')(text),
  ]);
