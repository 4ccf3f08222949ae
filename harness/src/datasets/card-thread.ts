/** The thread that parses the metadata of a dataset card: the library takes very long for some texts. */
import { answerConfined } from '@moepress/checkpoint/confined';
import { parse } from 'yaml';

answerConfined(() => ({
  /** `configs` of a YAML text; undefined if there are none. */
  configs(text: string): unknown {
    // Aliases could expand a small text into a large one; every key would be compared with all others, and every
    // error shown.
    const metadata: unknown = parse(text, { maxAliasCount: 100, uniqueKeys: false, prettyErrors: false });
    const { configs } = (metadata ?? {}) as { readonly configs?: unknown };
    return configs;
  },
}));
