import { z } from 'zod';

/** A number of a match among several: 0 the first, -1 the last. */
const groupSelect = z.int().optional();

/** Python syntax; the numbers after `####` by default. */
const pattern = z.string().optional();

/** The filters of lm-evaluation-harness 0.4.13 (filters/) that are not Python of the task's own. */
const filterSchema = z.discriminatedUnion('function', [
  z.strictObject({
    function: z.literal('regex'),
    group_select: groupSelect,
    regex_pattern: pattern,
    /** The answer where nothing matches; `[invalid]` by default. */
    fallback: z.string().optional(),
  }),
  z.strictObject({
    function: z.literal('regex_pos'),
    group_select: groupSelect,
    regex_pattern: pattern,
    fallback: z.array(z.string()).optional(),
  }),
  z.strictObject({
    function: z.literal('multi_choice_regex'),
    group_select: groupSelect,
    regex_pattern: pattern,
    fallback: z.string().optional(),
    ignore_case: z.boolean().optional(),
    ignore_punctuation: z.boolean().optional(),
    regexes_to_ignore: z.array(z.string()).nullable().optional(),
  }),
  z.strictObject({ function: z.literal('remove_whitespace') }),
  z.strictObject({ function: z.literal('take_first') }),
  z.strictObject({ function: z.literal('take_first_k'), k: z.int().positive() }),
  z.strictObject({ function: z.literal('majority_vote') }),
  z.strictObject({ function: z.literal('lowercase') }),
  z.strictObject({ function: z.literal('uppercase') }),
  z.strictObject({
    function: z.literal('map'),
    mapping_dict: z.record(z.string(), z.unknown()).nullable().optional(),
    default_value: z.unknown().optional(),
  }),
  z.strictObject({ function: z.literal('format_span') }),
]);

export const filterPipelineSchema = z.strictObject({
  name: z.string(),
  filter: z.array(filterSchema),
});

export type AnswerFilter = z.output<typeof filterSchema>;
export type FilterPipeline = z.output<typeof filterPipelineSchema>;
