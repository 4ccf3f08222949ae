import type { CalibrationSet, Evidence, Model } from '@moepress/core';
import type { Context } from '../../../cli/context.js';
import { openEngine, type SharedDevice } from '../../devices/open-engine.js';
import { measureEvidence } from '../../statistics/measure-evidence.js';
import type { Configuration } from './configuration.js';

/** Measures, when first asked, everything that any of the configurations needs; null if none needs anything. */
export function sharedEvidence(
  configurations: readonly Configuration[],
  {
    base,
    set,
    device,
    evidence,
  }: { base: Model; set: CalibrationSet; device: SharedDevice; evidence?: string | false },
  { work }: Context,
): () => Promise<Evidence | null> {
  const statistics = [...new Set(configurations.flatMap(({ needs }) => needs))];
  const measureAll = async () => {
    const engine = await openEngine(device, work);
    try {
      const options = { ...work, minTokens: 32, ...(evidence !== undefined && { evidence }) };
      return await measureEvidence(engine, base, set, statistics, options);
    } finally {
      await engine.dispose();
    }
  };
  let measured: Promise<Evidence> | undefined;
  return async () => {
    if (statistics.length === 0) return null;
    measured ??= measureAll();
    return measured;
  };
}
