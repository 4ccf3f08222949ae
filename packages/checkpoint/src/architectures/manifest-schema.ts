import { shown } from '@moepress/core/errors';
import { z } from 'zod';
import { llamaStyleNames } from './common.js';
import { quantities } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';

/** What a manifest must hold that a plugin brings: the types of manifest.ts, for whoever writes JavaScript. */

const name = z.string().min(1);
const yes = z.literal(true).optional();

const configValue = z.json();
const meaning = z.union([
  z.strictObject({ value: configValue }),
  z.strictObject({ as: z.string() }),
  z.strictObject({ quotient: z.tuple([z.string(), z.string()]) }),
  z.literal('refused'),
]);
const rule = z.strictObject({
  names: z.tuple([name], name),
  written: name.optional(),
  absent: meaning,
  null: meaning,
  perLayer: z.boolean().optional(),
  truth: z.boolean(),
});

/** What every family reads: see `decoderKeys`. */
const commonKeys = [
  ...[
    'vocabSize',
    'hiddenSize',
    'layers',
    'heads',
    'kvHeads',
    'epsilon',
    'maxPositions',
    'tied',
    'bosTokenId',
  ],
  ...['eosTokenIds', 'dtype', 'torchDtype', 'classes', 'quantisation', 'perLayer', 'causal', 'weightsFile'],
  ...['layerTypes', 'ropeTheta', 'ropeParameters', 'ropeScaling', 'originalPositions', 'partialRotary'],
];
const keys = z.strictObject(
  Object.fromEntries(
    Object.keys(quantities).map((key) => [key, commonKeys.includes(key) ? rule : rule.optional()]),
  ),
);

const windows = z.enum([
  ...(['never', 'every-layer', 'alternating', 'from-layer', 'alternating-below-layer', 'pattern'] as const),
  ...(['prefixed-pattern', 'but-first-and-sixth', 'chunks'] as const),
]);
const groupedQuery = z.strictObject({
  kind: z.literal('gqa'),
  qkvBias: z.enum(['by-config', 'always', 'never']),
  unscaled: yes,
  outputBias: z.enum(['as-qkv', 'never']),
  qkNorm: z.enum(['head', 'projection', 'square', 'weightless']).nullable(),
  valueNorm: yes,
  normedAfterRotation: yes,
  rotation: z.enum(['whole', 'undivided', 'part', 'share', 'none']),
  pairing: z.literal('neighbours').optional(),
  alphaBase: yes,
  toldMscales: yes,
  rotations: z
    .strictObject({ full: z.record(z.string(), configValue), windowed: z.record(z.string(), configValue) })
    .optional(),
  unrotated: z
    .enum(['full', 'full-beside-windows', 'full-but-prefix', 'listed', 'unless-named', 'always'])
    .optional(),
  windows,
  lastIsFull: yes,
  sinks: z.union([z.boolean(), z.literal('windowed')]),
  outputGate: yes,
  gate: yes,
});
const latent = z.strictObject({
  kind: z.literal('mla'),
  rotation: z.enum(['whole', 'undivided', 'share', 'none']),
  scalesQueries: yes,
  indexer: z.strictObject({ pairing: z.enum(['halves', 'neighbours']) }).optional(),
});

const recurrence = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('gated-delta-rule'),
    input: z.enum(['separate', 'grouped', 'channelwise']),
  }),
  z.strictObject({ kind: z.literal('short-convolution') }),
  z.strictObject({ kind: z.literal('state-space'), norm: z.enum(['whole', 'groups']) }),
]);

const router = z.strictObject({
  scoring: z.enum(['softmax', 'sigmoid', 'by-config']),
  mixer: yes,
  weighs: z.literal('input').optional(),
  storedScales: yes,
  methods: z.record(z.string(), z.enum(['max', 'top-2-sum']).nullable()),
  normalise: z.enum(['always', 'never', 'by-config', 'by-config-of-several']),
  beyondGroups: z.enum(['nothing', 'unknown']),
  bias: z.boolean(),
  selectionBias: z.boolean(),
  addedToSum: z.number().optional(),
});

const ffn = z.strictObject({
  shared: z
    .strictObject({
      unit: z.enum(['channels', 'experts']),
      gated: z.boolean(),
      averaged: z.literal('by-config').optional(),
    })
    .nullable(),
  dense: z.enum([
    ...(['none', 'layer-types', 'without-experts', 'all', 'mlp-only-layers', 'prefix'] as const),
    ...(['prefix-and-step', 'types', 'interval', 'listed', 'flag'] as const),
  ]),
  ungated: yes,
  clamp: z.strictObject({ alpha: z.number(), limit: z.number() }).nullable(),
});

const mlpNames = z.strictObject({ gate: name.nullable(), up: name, down: name });
const fusedMlpNames = z.strictObject({ gateUp: name, down: name });
const fused = z.strictObject({
  gateUp: name,
  down: name,
  bias: fusedMlpNames.nullable(),
  layout: z.enum(['stacked', 'interleaved', 'halves', 'ungated']),
});
const plainNames = Object.fromEntries(
  Object.entries(llamaStyleNames)
    .filter(([part]) => !['experts', 'dense', 'shared', 'alias'].includes(part))
    .map(([part, names]) => [
      part,
      typeof names === 'string'
        ? name
        : z.strictObject(Object.fromEntries(Object.keys(names).map((inner) => [inner, name]))),
    ]),
);
const tensors = z.strictObject({
  ...plainNames,
  selectionBiasAsRow: yes,
  experts: z.union([
    z.strictObject({ fused, separate: mlpNames }),
    z.strictObject({ fused, separate: z.null(), ownWidth: mlpNames }),
  ]),
  dense: z.union([mlpNames, fusedMlpNames]),
  shared: z.union([mlpNames, fusedMlpNames]),
  latentExperts: z.strictObject({ down: name, up: name }).optional(),
  alias: z.array(z.tuple([z.string(), z.string()])),
});

const elsewhere = z.strictObject({
  denseSibling: name.optional(),
  noCompactClass: yes,
  flatFormat: z
    .union([
      z.strictObject({ version: z.literal(1) }),
      z.strictObject({ version: z.literal(2), activation: name, bias: z.boolean() }),
    ])
    .optional(),
  tokenizerClass: name.optional(),
  ignoresNamedTokenizer: yes,
});

const fields: Readonly<Record<keyof ArchitectureManifest, z.ZodType>> = {
  modelType: z.string().regex(/^\w[\w.-]*$/),
  title: name,
  // It becomes part of names in Python.
  className: z.string().regex(/^[A-Za-z_]\w*$/),
  keys,
  fixed: z.record(z.string(), z.tuple([configValue], configValue)).optional(),
  echoes: z.record(z.string(), name).optional(),
  nested: name.optional(),
  nestedType: name.optional(),
  attention: z.discriminatedUnion('kind', [groupedQuery, latent]),
  recurrence: recurrence.optional(),
  normOffset: z.literal([0, 1]).optional(),
  layerNorm: z.enum(['biased', 'unbiased']).optional(),
  embeddingRoot: yes,
  outputScale: yes,
  router: router.nullable(),
  ffn,
  norms: z.enum(['before', 'after', 'both', 'parallel']).optional(),
  ffnParts: yes,
  tensors,
  predictionPrefixes: z.array(name).optional(),
  elsewhere: elsewhere.optional(),
};

const manifestSchema = z.strictObject(fields);

/** What is wrong with a manifest: the field, what it is, and what was wanted there; null where nothing is. */
export function manifestProblem(manifest: unknown): string | null {
  const { error } = manifestSchema.safeParse(manifest);
  if (!error) return null;
  const issue = error.issues[0]!;
  const place = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    return `${place || 'it'} has a field ${shown(issue.keys[0])} that there is not.`;
  }
  const given = issue.path.reduce<unknown>(
    (value, part) => (value as Record<PropertyKey, unknown>)?.[part],
    manifest,
  );
  return `${place || 'it'} is ${given === undefined ? 'missing' : shown(given)}: ${wantedBy(issue)} was wanted.`;
}

function wantedBy(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return issue.values.map((value) => shown(value)).join(' or ');
  if (issue.code === 'invalid_type')
    return issue.expected === 'string' ? 'a text' : `one of type ${issue.expected}`;
  // Newer versions of zod list the values that tell the members of a union apart.
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options)) {
    return issue.options.map((kind) => shown(kind)).join(' or ');
  }
  if (issue.code === 'invalid_format') return 'a name of letters, digits and "_"';
  return 'another form';
}
