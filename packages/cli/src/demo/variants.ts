/** One way to compress the embedded model. */
export interface Variant {
  readonly method: string;
  readonly ratio: number;
  readonly seed: number;
  /** What else the method is told. */
  readonly option: Readonly<Record<string, unknown>>;
  /** What it measures on; null if it measures nothing. */
  readonly text: CalibrationText | null;
  readonly label: string;
}

/** Names of the texts in the table, and what `--calibration` calls them. */
export const calibrationTexts = { mixed: 'tiny', tiny_gsm: 'tiny_gsm[train]' } as const;

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
    variant('fisher-moe', 0, { text, option: { dropTop }, label: `without the best ${dropTop} channels` }),
  );

/** What the table shows. */
export const shortVariants = [...ofExperts, ...byGradients('tiny_gsm')];

/** The same and more experiments. */
export const allVariants = [
  ...shortVariants,
  ...byGradients('mixed'),
  ...critical('tiny_gsm'),
  ...critical('mixed'),
];

function variant(method: string, ratio: number, more: Partial<Variant> = {}): Variant {
  return { method, ratio, seed: 0, option: {}, text: 'mixed', label: method, ...more };
}

/** A name for its folder. */
export const nameOf = ({ method, ratio, seed, option, text }: Variant): string =>
  [method, ratio * 100, ...Object.values(option), ...(text === null ? [] : [text]), `seed${seed}`].join('-');
