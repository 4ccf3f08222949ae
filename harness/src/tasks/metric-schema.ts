import { z } from 'zod';

const scalar = ['mean', 'nanmean', 'median'] as const;
const weighted = ['weighted_perplexity', 'bits_per_byte'] as const;

/** `mean` where it is not said, or the metric's own. */
const aggregatedBy = <const Names extends readonly [string, ...string[]]>(names: Names) => ({
  aggregation: z.enum(names).optional(),
  higher_is_better: z.boolean().optional(),
});

/** Scores of choices by their log-likelihoods. lm-evaluation-harness passes over further keys of these, and so do we. */
export const choiceMetricSchema = z.discriminatedUnion('metric', [
  z.looseObject({
    metric: z.enum(['acc', 'acc_norm', 'acc_bytes', 'acc_mutual_info', 'exact_match']),
    ...aggregatedBy(scalar),
  }),
  z.looseObject({ metric: z.literal('f1'), ...aggregatedBy(['f1', 'matthews_corrcoef']) }),
  z.looseObject({ metric: z.literal('mcc'), ...aggregatedBy(['matthews_corrcoef', 'f1']) }),
  z.looseObject({ metric: z.literal('brier_score'), ...aggregatedBy(['brier_score']) }),
  z.looseObject({ metric: z.literal('bypass'), ...aggregatedBy(['bypass']) }),
]);

export const exactMatchSchema = z.strictObject({
  metric: z.literal('exact_match'),
  ...aggregatedBy(scalar),
  ignore_case: z.boolean().optional(),
  /** Signs of ASCII. */
  ignore_punctuation: z.boolean().optional(),
  /** Digits of ASCII. */
  ignore_numbers: z.boolean().optional(),
  /** Python patterns removed from prediction and gold alike, in this order. */
  regexes_to_ignore: z.array(z.string()).nullable().optional(),
});

/** How many of the answers to a question one may have to be right. */
const chances = [1, 2, 3, 4, 5, 8, 10, 16, 20, 32, 50, 64, 100, 128, 256] as const;

export type PassName = `pass@${(typeof chances)[number]}`;

export const passNames = chances.map((k): PassName => `pass@${k}`);

/** How probable it is that one of k answers is right, of the answers that no filter chose from. */
const passSchema = exactMatchSchema.extend({ metric: z.enum(passNames) });

/** Scores of texts. */
export const answerMetricSchema = z.discriminatedUnion('metric', [
  exactMatchSchema,
  passSchema,
  z.looseObject({ metric: z.literal('bleu'), ...aggregatedBy(['bleu', 'chrf', 'chrf++', 'ter']) }),
  z.looseObject({ metric: z.literal('chrf'), ...aggregatedBy(['chrf', 'bleu', 'chrf++', 'ter']) }),
  z.looseObject({ metric: z.literal('chrf++'), ...aggregatedBy(['chrf++', 'bleu', 'chrf', 'ter']) }),
  z.looseObject({ metric: z.literal('ter'), ...aggregatedBy(['ter', 'bleu', 'chrf', 'chrf++']) }),
  z.looseObject({ metric: z.literal('bypass'), ...aggregatedBy(['bypass']) }),
]);

/** Scores of a continuation: its log-likelihood, and whether it is what the model would write. */
export const continuationMetricSchema = z.discriminatedUnion('metric', [
  z.looseObject({ metric: z.literal('perplexity'), ...aggregatedBy(['perplexity', ...scalar]) }),
  z.looseObject({ metric: z.literal('acc'), ...aggregatedBy(scalar) }),
]);

/** Scores of a whole text. */
export const textMetricSchema = z.looseObject({
  metric: z.enum(['word_perplexity', 'byte_perplexity', 'bits_per_byte', 'token_perplexity']),
  ...aggregatedBy(weighted),
});

export type ExactMatch = z.output<typeof exactMatchSchema>;

export type MetricOptions =
  | z.output<typeof choiceMetricSchema>
  | z.output<typeof answerMetricSchema>
  | z.output<typeof continuationMetricSchema>
  | z.output<typeof textMetricSchema>;

export type MetricName = MetricOptions['metric'];
export type AggregationName = NonNullable<MetricOptions['aggregation']>;

export const aggregationNames: readonly AggregationName[] = [
  ...(['mean', 'nanmean', 'median', 'perplexity', 'weighted_perplexity', 'bits_per_byte'] as const),
  ...(['f1', 'matthews_corrcoef', 'brier_score', 'bleu', 'chrf', 'chrf++', 'ter', 'bypass'] as const),
];
