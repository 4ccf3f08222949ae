import { calibrationForms, parseCalibration } from '@moepress/harness';
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
