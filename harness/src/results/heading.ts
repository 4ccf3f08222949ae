import type { ResultsRecord } from './record.js';
import { imitatedVersion } from './run.js';

/**
 * The line above the table: the model, how it was set up (its BOS setting and context length, which change
 * results), the limit, and whose numbers these can stand beside.
 */
export function renderHeading({ config }: Pick<ResultsRecord, 'config'>): string {
  const settings = Object.entries((config.model_args ?? {}) as Readonly<Record<string, unknown>>);
  const setup = settings.map(([name, value]) => `${name}=${value}`).join(', ');
  const limit = config.limit === null ? 'none' : String(config.limit);
  return `${config.model} (${setup}), limit: ${limit}, as lm-evaluation-harness ${imitatedVersion}`;
}
