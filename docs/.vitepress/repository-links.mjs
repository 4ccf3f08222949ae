import { posix } from 'node:path';

const repository = 'https://github.com/moepress/moepress';

/**
 * Links to files of the repository that are no pages of the site lead to the code host, as they do when the same text is
 * read there.
 */
export function repositoryLinks(markdown) {
  markdown.core.ruler.push('repository-links', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      const target = token.type === 'link_open' ? token.attrGet('href') : null;
      if (target === null || /^(?:[a-z]+:|#|\/)/.test(target)) continue;
      const path = posix.join('docs', posix.dirname(env.relativePath), target);
      if (!path.startsWith('docs/')) token.attrSet('href', `${repository}/blob/main/${path}`);
    }
  });
}
