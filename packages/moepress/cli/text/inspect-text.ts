import type { ModelSize } from '@moepress/core';
import { formatBytes, formatCount, formatPercent } from '../../src/format.js';
import type {
  AttentionSummary,
  ExpertSummary,
  ModelReport,
  QuantisedSummary,
  Saving,
} from '../../src/inspection/model-report.js';
import { formatTable } from './table.js';

const partNames: Readonly<Record<Exclude<keyof ModelSize, 'total'>, string>> = {
  routedExperts: 'routed experts',
  sharedExperts: 'shared experts',
  denseFfns: 'dense FFNs',
  attention: 'attention',
  embeddings: 'embeddings',
  routers: 'routers',
  norms: 'norms',
};

/** An inspection for people. */
export function renderReport(inspection: ModelReport): string {
  const sections = [renderHeading(inspection), renderParts(inspection.size)];
  if (inspection.unread.length > 0) sections.push(describeUnread(inspection.unread));
  if (inspection.methods.length > 0) sections.push(renderSavings(inspection));
  return sections.join('\n\n');
}

function renderHeading(inspection: ModelReport): string {
  const { id, revision, architecture, layers, attention, experts, quantised, size, activeParameters } =
    inspection;
  const kinds = layers.dense > 0 ? ` (${layers.moe} with experts, ${layers.dense} dense)` : '';
  return [
    `${id}: ${architecture}${revision ? `, revision ${revision.slice(0, 12)}` : ''}`,
    `${layers.total} layers${kinds}`,
    describeAttention(attention),
    ...(experts ? [describeExperts(experts), ...describeRouter(experts.router)] : []),
    ...quantised.map(describeQuantised),
    `${formatCount(size.total.parameters)} parameters, ${formatCount(activeParameters)} of them active a token`,
  ].join('\n');
}

function describeExperts(summary: ExpertSummary): string {
  const { slotsPerLayer, topK, slots, experts, width, parametersEach, sharedWidth } = summary;
  const each = `width ${width}, ${formatCount(parametersEach)} parameters each`;
  const routed =
    experts < slots
      ? `${slotsPerLayer} slots a layer; all ${slots} share ${experts} experts (${each})`
      : `${slotsPerLayer} experts a layer (${each})`;
  const shared = sharedWidth === null ? '' : `, beside a shared expert of width ${sharedWidth}`;
  return `${routed}, ${topK} chosen a token${shared}`;
}

function describeAttention(summary: AttentionSummary): string {
  const { kind, heads, kvHeads, headDim, latent, sinks, window, ropeScaling } = summary;
  const own = `${heads} ${heads === 1 ? 'head' : 'heads'} of ${headDim}`;
  const what =
    kind === 'mla'
      ? `latent attention: ${own}, keys and values from a latent of ${latent}`
      : `attention: ${own}${kvHeads < heads ? `, ${kvHeads} of keys and values` : ''}`;
  const extras = [
    ...(window ? [`window of ${window.tokens} tokens (${window.layers} layers)`] : []),
    ...(sinks ? ['sinks'] : []),
    ...(ropeScaling ? [`${ropeScaling} rotation`] : []),
  ];
  return [what, ...extras].join(', ');
}

/** What a router does beyond softmax and top-k. */
function describeRouter({ scoring, groups, scale, selectionBias }: ExpertSummary['router']): string[] {
  const facts = [
    ...(scoring === 'softmax' ? [] : [`${scoring} scores`]),
    ...(groups ? [`the best ${groups.selected} of ${groups.count} groups`] : []),
    ...(selectionBias ? ['a bias for the selection'] : []),
    ...(scale === 1 ? [] : [`weights times ${scale}`]),
  ];
  return facts.length > 0 ? [`router: ${facts.join(', ')}`] : [];
}

function describeQuantised({ format, parameters, bytes, plainBytes }: QuantisedSummary): string {
  return `${formatCount(parameters)} parameters in ${format.toUpperCase()}: ${formatBytes(bytes)}, plain ${formatBytes(plainBytes)}`;
}

function describeUnread(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  const which = names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
  const subject = names.length === 1 ? '1 tensor belongs' : `${names.length} tensors belong`;
  return `${subject} to no part of the model: ${which}`;
}

function renderParts({ total, ...parts }: ModelSize): string {
  const row = (name: string, { parameters, bytes }: ModelSize['total']) => [
    name,
    formatCount(parameters),
    formatPercent(parameters / total.parameters),
    formatBytes(bytes),
  ];
  const names = Object.keys(partNames) as (keyof typeof partNames)[];
  const present = names.filter((name) => parts[name].parameters > 0);
  return formatTable(
    [
      { title: 'part' },
      { title: 'parameters', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'bytes', align: 'right' },
    ],
    [...present.map((name) => row(partNames[name], parts[name])), row('total', total)],
  );
}

function renderSavings({ methods }: ModelReport): string {
  const isFit = ({ savings }: (typeof methods)[number]) => savings.some(({ possible }) => possible);
  const rows = methods
    .filter(isFit)
    .flatMap(({ name, savings }) =>
      savings.map((saving, i) => [
        i === 0 ? name : '',
        formatPercent(saving.ratio, 0),
        ...(saving.possible ? describeSaving(saving) : ['-', '-', '-', '-', saving.reason]),
      ]),
    );
  const table = formatTable(
    [
      { title: 'method' },
      { title: 'ratio', align: 'right' },
      { title: 'of routed', align: 'right' },
      { title: 'of model', align: 'right' },
      { title: 'parameters', align: 'right' },
      { title: 'bytes', align: 'right' },
      { title: 'note' },
    ],
    rows,
  );
  return [...(rows.length > 0 ? [table] : []), ...renderUnfit(methods)].join('\n\n');
}

/** Methods that save nothing at any ratio: each reason once, with the names below it. */
function renderUnfit(methods: ModelReport['methods']): string[] {
  const byReason = new Map<string, string[]>();
  for (const { name, savings } of methods) {
    const reasons = savings.map((saving) => (saving.possible ? null : saving.reason));
    const [reason] = reasons;
    if (reason && !reasons.includes(null)) byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  return [...byReason].map(([reason, names]) => `${reason}\n  ${wrapped(names)}`);
}

/** Names separated by commas, in lines of up to 78 columns. */
function wrapped(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length + 4 <= 78)
      lines[lines.length - 1] = `${last}, ${name}`;
    else lines.push(name);
  }
  return lines.join(',\n  ');
}

function describeSaving(saving: Saving & { possible: true }): string[] {
  const { ofRouted, ofModel, parameters, bytes, passes, isNominal } = saving;
  const calibration = passes.length > 0 ? `calibrates: ${passes.join(' and ')} pass` : 'needs no calibration';
  return [
    ofRouted === null ? '-' : formatPercent(ofRouted),
    formatPercent(ofModel),
    parameters < 0 ? `${formatCount(-parameters)} more` : formatCount(parameters),
    bytes < 0 ? `${formatBytes(-bytes)} more` : formatBytes(bytes),
    isNominal ? `${calibration}; by the ratio alone` : calibration,
  ];
}
