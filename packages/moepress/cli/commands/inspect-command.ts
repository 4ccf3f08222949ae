import { diagnoseCheckpoint } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';
import { type InspectedModel, inspectModel } from '../../src/inspect.js';
import { jsonOption, modelHelp, planOption, pluginOption, revisionOption } from '../command-options.js';
import type { Context, Define } from '../context.js';
import { renderDiagnosis } from '../text/diagnosis-text.js';
import { renderReport } from '../text/inspect-text.js';
import { nextText, quoted } from '../text/next-text.js';

interface InspectFlags {
  readonly plan?: string;
  readonly revision?: string;
}

export const define: Define = (command, context) =>
  command
    .argument('<model>', modelHelp)
    .addOption(planOption())
    .addOption(revisionOption())
    .addOption(pluginOption())
    .addOption(jsonOption())
    .action(async (model, flags) => inspect(model, flags, await context(flags)));

async function inspect(id: string, flags: InspectFlags, context: Context): Promise<void> {
  const report = await reportOrDiagnose(id, flags, context);
  context.print([renderReport(report), ...renderOthers(report)].join('\n\n'), report);
  const fit = report.methods.filter(({ savings }) => savings.some(({ possible }) => possible));
  const method = (fit.find(({ name }) => name === 'reap') ?? fit[0])?.name;
  if (method === undefined) return;
  const model = quoted(id);
  context.note(
    nextText([
      ['moepress methods', 'what each of them does'],
      [
        `moepress compress ${model} --method ${method} --ratio 0.5 ${id === 'tiny' ? '' : '--calibration wikitext:128x2048 '}--out small --dry-run`,
        'what it would take',
      ],
    ]),
  );
}

/** A family that is not known is still an error, but one with all that can be said beside it. */
async function reportOrDiagnose(
  id: string,
  { plan, revision }: InspectFlags,
  { work, plugins, print }: Context,
): Promise<InspectedModel> {
  try {
    return await inspectModel(id, { plan, revision, plugins, ...work });
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'ARCHITECTURE_UNKNOWN') throw error;
    const { signal, onProgress: progress } = work;
    const diagnosis = await diagnoseCheckpoint(id, { revision, signal, progress });
    print(renderDiagnosis(diagnosis), diagnosis);
    throw error;
  }
}

function renderOthers({ otherPlugins }: InspectedModel): string[] {
  if (otherPlugins.length === 0) return [];
  const names = otherPlugins.map(
    ({ package: name, methods }) => `  ${name}${methods.length > 0 ? `: ${methods.join(', ')}` : ''}`,
  );
  return [['Installed and not asked (--plugin <name> asks one):', ...names].join('\n')];
}
