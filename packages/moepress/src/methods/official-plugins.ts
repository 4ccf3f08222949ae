import type { PluginKind } from '@moepress/core';

/** What plugins of this repository provide, and their packages: as their package.json declare, which a test compares. */
export const officialPlugins: Readonly<Partial<Record<PluginKind, Readonly<Record<string, string>>>>> = {
  methods: {
    random: '@moepress/plugin-baselines',
    frequency: '@moepress/plugin-baselines',
    seer: '@moepress/plugin-baselines',
    ean: '@moepress/plugin-baselines',
    man: '@moepress/plugin-baselines',
    msan: '@moepress/plugin-baselines',
    reap: '@moepress/plugin-baselines',
    'reap-l2': '@moepress/plugin-baselines',
    'easy-ep': '@moepress/plugin-baselines',
    'mone-score': '@moepress/plugin-baselines',
    'expert-fisher': '@moepress/plugin-baselines',
    naee: '@moepress/plugin-baselines',
    stun: '@moepress/plugin-baselines',
    camera: '@moepress/plugin-baselines',
    'dense-width': '@moepress/plugin-baselines',
    'hc-smoe': '@moepress/plugin-baselines',
    'm-smoe': '@moepress/plugin-baselines',
    mone: '@moepress/plugin-baselines',
    'top-k': '@moepress/plugin-baselines',
    'layer-drop': '@moepress/plugin-baselines',
    'cd-moe': '@moepress/plugin-cd-moe',
    conmoe: '@moepress/plugin-conmoe',
    'fisher-moe': '@moepress/plugin-fisher-moe',
    'moe-to-dense': '@moepress/plugin-moe-to-dense',
  },
  budgets: { grape: '@moepress/plugin-baselines' },
  refiners: {
    'cd-moe': '@moepress/plugin-cd-moe',
    distil: '@moepress/plugin-moe-to-dense',
  },
};

/** The package of this repository that provides something; null if none does. */
export function officialPackage(kind: PluginKind, name: string): string | null {
  const byName = officialPlugins[kind] ?? {};
  return Object.hasOwn(byName, name) ? byName[name]! : null;
}
