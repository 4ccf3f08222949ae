/** What `npm create moepress-plugin` makes, each from the template of its name. */
export const kinds = {
  scorer: {
    title: 'a scorer: ranks experts, and the lowest of each layer are dropped',
    declares: 'methods',
    imports: ['core', 'graph'],
    usage: 'npx moepress compress tiny --method example-name --ratio 0.25 --out smaller',
  },
  compressor: {
    title: 'a compressor: decides itself what goes',
    declares: 'methods',
    imports: ['core', 'graph', 'zod'],
    usage: 'npx moepress compress tiny --method example-name --ratio 0.25 --out smaller',
  },
  refiner: {
    title: 'a refiner: trains what a method leaves',
    declares: 'refiners',
    imports: ['core', 'zod'],
    usage: 'npx moepress refine tiny --plan plan.json --refiner example-name --train tiny --out refined',
  },
  task: {
    title: 'a task: questions that models are scored on',
    declares: 'tasks',
    imports: ['core', 'harness', 'zod'],
    usage: 'npx moepress eval tiny --tasks example-name',
  },
  'calibration-set': {
    title: 'a calibration set: texts that methods measure on',
    declares: 'calibrationSets',
    imports: ['core'],
    usage: 'npx moepress compress tiny --method reap --ratio 0.25 --calibration example-name --out smaller',
  },
  exporter: {
    title: 'an exporter: writes models in a format of another program',
    declares: 'exporters',
    imports: ['core'],
    usage: 'npx moepress export tiny --to example-name --out exported',
  },
} as const satisfies Record<string, PluginKind>;

interface PluginKind {
  readonly title: string;
  /** The key of `"moepress"` in package.json that names it. */
  readonly declares: string;
  readonly imports: readonly ('core' | 'graph' | 'harness' | 'zod')[];
  /** A command that uses it. */
  readonly usage: string;
}

export type KindName = keyof typeof kinds;

export const kindNames = Object.keys(kinds) as readonly KindName[];

export const isKind = (name: string): name is KindName => Object.hasOwn(kinds, name);
