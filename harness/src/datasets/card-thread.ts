/** The thread in which the metadata of a card are parsed: the library takes very long for some texts. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { parse } from 'yaml';

answerConfined(() => ({
  /** `configs` of a YAML text; undefined if there are none. */
  configs(text: string): unknown {
    // Aliases may make a small text a large one; each key would be compared with all, and each error shown.
    const metadata: unknown = parse(text, { maxAliasCount: 100, uniqueKeys: false, prettyErrors: false });
    const { configs } = (metadata ?? {}) as { readonly configs?: unknown };
    return configs;
  },
}));
