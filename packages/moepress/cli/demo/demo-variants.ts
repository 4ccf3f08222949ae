/** One way to compress the embedded model. */
export interface Variant {
  readonly method: string;
  /** Null for a method that is told its size otherwise. */
  readonly ratio: number | null;
  readonly seed: number;
  /** What else the method is told. */
  readonly option: Readonly<Record<string, unknown>>;
  /** What it measures on; null if it measures nothing. */
  readonly text: CalibrationText | null;
  /** How it is trained afterwards, if it is. */
  readonly training: Training | null;
  readonly label: string;
}

export interface Training {
  readonly refiner: string;
  readonly option: Readonly<Record<string, unknown>>;
}

/** What is trained on: all sorts of text, and solved questions. */
export const trainingText = 'tiny:192x128+tiny_gsm[train]:400';

/** Names of the texts in the table, and what `--calibration` calls them. */
export const calibrationTexts = {
  mixed: 'tiny',
  'mixed-100': 'tiny:100',
  tiny_gsm: 'tiny_gsm[train]',
} as const;

export type CalibrationText = keyof typeof calibrationTexts;

export const demoTasks = ['tiny_gsm', 'tiny_facts', 'tiny_where', 'tiny_heldout'] as const;

/** Random dropping varies so much between seeds that one of them means nothing. */
const randomSeeds = [0, 1, 2];
/** The paper's names of the budgets. */
const budgets = { E: 'expert', L: 'layer', G: 'model' } as const;
/** Channels of the critical-units experiment, of the model's 4,096. */
const criticalCounts = [64, 256, 1024];

/** Whole experts go, or are shared. */
const ofExperts = [0.25, 0.5].flatMap((ratio) => [
  ...['conmoe', 'reap', 'frequency'].map((method) => variant(method, ratio)),
  ...randomSeeds.map((seed) =>
    variant('random', ratio, { seed, text: null, label: `random (seed ${seed})` }),
  ),
]);

/** Other rankings of experts, and methods that choose experts or channels otherwise. */
const byOtherScores = [0.25, 0.5].flatMap((ratio) => [
  ...['seer', 'ean', 'man', 'msan', 'reap-l2', 'easy-ep', 'mone-score', 'camera'].map((method) =>
    variant(method, ratio),
  ),
  variant('naee', ratio, { option: { exhaustive: false } }),
  variant('stun', ratio, { text: null }),
]);

/** Experts become narrower, beside whole experts dropped by the same gradients. */
const byGradients = (text: CalibrationText) =>
  [0.25, 0.5, 0.75].flatMap((ratio) => [
    ...Object.entries(budgets).map(([name, budget]) =>
      variant('fisher-moe', ratio, { text, option: { budget }, label: `fisher-moe ${name}` }),
    ),
    variant('expert-fisher', ratio, { text }),
  ]);

/** How few channels carry a skill. */
const critical = (text: CalibrationText) =>
  criticalCounts.map((dropTop) =>
    variant('fisher-moe', 0, { text, option: { dropTop }, label: `best ${dropTop} channels gone` }),
  );

/**
 * Variants of each condensed layer: the shared expert alone (S), or with as many routed ones as the router selects
 * (SR).
 */
const condensations = { S: 0, SR: 4 } as const;

/** Whole layers become dense, before and after their training. */
const condensed = (kind: keyof typeof condensations, condenseLayers: number) =>
  beforeAndAfter(
    `cd-moe ${kind} ${condenseLayers}/4`,
    'cd-moe',
    { experts: condensations[kind], condenseLayers },
    { refiner: 'cd-moe', option: { learningRate: 1e-3 } },
  );

/** All layers become dense. */
const dense = (scoring: string) =>
  beforeAndAfter(
    `dense ${scoring}`,
    'moe-to-dense',
    { scoring },
    { refiner: 'distil', option: { learningRate: 1e-3, steps: 200 } },
  );

/** Measured on as many texts as CD-MoE's own: its searches, unlike statistics, look at all of them again and again. */
function beforeAndAfter(
  label: string,
  method: string,
  option: Variant['option'],
  training: Training,
): Variant[] {
  return [
    variant(method, null, { text: 'mixed-100', label, option }),
    variant(method, null, { text: 'mixed-100', label: `${label}, trained`, option, training }),
  ];
}

/** What the table shows. */
export const shortVariants = [
  ...ofExperts,
  ...byGradients('tiny_gsm'),
  ...condensed('SR', 2),
  ...dense('do-acp'),
];

/** The same and more experiments. */
export const allVariants = [
  ...shortVariants,
  ...byOtherScores,
  ...byGradients('mixed'),
  ...critical('tiny_gsm'),
  ...critical('mixed'),
  ...[1, 2, 3].flatMap((layers) => condensed('S', layers)),
  ...[1, 3].flatMap((layers) => condensed('SR', layers)),
  ...dense('sf'),
];

function variant(method: string, ratio: number | null, more: Partial<Variant> = {}): Variant {
  return { method, ratio, seed: 0, option: {}, text: 'mixed', training: null, label: method, ...more };
}

/** A name for its folder. */
export const nameOf = ({ method, ratio, seed, option, text, training }: Variant): string =>
  [
    method,
    ...(ratio === null ? [] : [ratio * 100]),
    ...Object.values(option),
    ...(text === null ? [] : [text]),
    `seed${seed}`,
    ...(training === null ? [] : ['trained']),
  ].join('-');
