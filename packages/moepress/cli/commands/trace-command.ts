import { MoepressError, parseJson } from '@moepress/core';
import type { Residency } from '@moepress/runtime';
import { Option } from 'commander';
import { claimFile, withOutput } from '../../src/files/output.js';
import { readText } from '../../src/files/text-file.js';
import { resolveModel } from '../../src/models/open-model.js';
import { writeTrace } from '../../src/models/trace-file.js';
import { withSession } from '../../src/session.js';
import {
  type DeviceFlags,
  deviceOption,
  forceOption,
  gpuMemoryOption,
  jsonOption,
  modelHelp,
  planOption,
  pluginOption,
  precisionOption,
  profileOption,
  revisionOption,
  threadsOption,
} from '../command-options.js';
import type { Context, Define } from '../context.js';
import { path } from '../option-values.js';

interface TraceFlags extends Omit<DeviceFlags, 'memory'> {
  readonly ids: string;
  readonly out: string;
  readonly plan?: string;
  readonly residency: Residency;
  readonly revision?: string;
  readonly force?: boolean;
}

export const define: Define = (command, context) =>
  command
    .argument('<model>', modelHelp)
    .requiredOption('--ids <json>', 'token ids: a JSON array, or a file that holds one', path)
    .requiredOption('--out <file>', 'safetensors file', path)
    .addOption(planOption())
    .addOption(
      new Option('--residency <kind>', 'how much of the model is mapped at once')
        .choices(['auto', 'streamed', 'resident'])
        .default('auto'),
    )
    .addOption(deviceOption())
    .addOption(precisionOption())
    .addOption(gpuMemoryOption())
    .addOption(threadsOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .addOption(forceOption())
    .addOption(profileOption())
    .action(async (model, flags) => trace(model, flags, await context(flags)));

async function trace(id: string, flags: TraceFlags, { work, plugins, print }: Context): Promise<void> {
  const { out, force, plan, revision, ...options } = flags;
  const { signal, onProgress: progress } = work;
  const ids = await parseIds(flags.ids);
  await withOutput(claimFile(out, 'trace', { progress, force }), async (output) => {
    const model = await resolveModel(id, { plan, plugins, revision, ...work });
    const [found] = await withSession(model, { ...options, ...work }, (session) =>
      session.trace([ids], { signal, progress }),
    );
    const tensors = await writeTrace(output!.path, found!, ids, { signal, progress });
    await output!.commit();
    const lines = Object.entries(tensors).map(([name, shape]) => `  ${name} [${shape.join(', ')}]`);
    print(`Wrote ${out}\n${lines.join('\n')}`, { out, tensors });
  });
}

/** A JSON array of token ids, on the command line or in a file. */
async function parseIds(given: string): Promise<number[]> {
  const text = given.trimStart().startsWith('[') ? given : await readText(given, 'INPUT_INVALID');
  let ids: unknown;
  try {
    ids = parseJson(text);
  } catch {
    // Told below.
  }
  const valid = Array.isArray(ids) && ids.length > 0 && ids.every((id) => Number.isInteger(id) && id >= 0);
  if (valid) return ids as number[];
  throw new MoepressError('INPUT_INVALID', {
    message: 'Token ids must be a JSON array of at least one non-negative integer.',
    where: '--ids',
    hint: 'For example --ids "[1, 2, 3]", or --ids ids.json.',
  });
}
