/** Plugins of each kind as `npm create moepress-plugin` writes them. */
export const scaffolds = {};
