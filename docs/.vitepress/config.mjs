import { defineConfig } from 'vitepress';
import { repositoryLinks } from './repository-links.mjs';
import { sidebar } from './sidebar.mjs';

export default defineConfig({
  title: 'moepress',
  description: 'Makes Mixture-of-Experts language models small enough to use',
  lang: 'en',
  // Where the site lies on its server; the workflow of the host gives its own.
  base: process.env.DOCS_BASE ?? '/',
  srcExclude: ['node_modules/**'],
  cleanUrls: false,
  // Its time would be that of the clone.
  lastUpdated: false,
  metaChunk: true,
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  // Links are those that were written as such: an address in a text may be of the reader's own machine.
  markdown: { config: repositoryLinks, linkify: false },
  // The theme gives all pages but the first a landmark of what is their content.
  transformHtml: (html) =>
    html.replace(
      '<div class="VPContent is-home" id="VPContent"',
      '<div role="main" class="VPContent is-home" id="VPContent"',
    ),
  themeConfig: {
    sidebar,
    nav: [
      { text: 'Start', link: '/guides/make-a-model-fit' },
      { text: 'Commands', link: '/reference/commands' },
      { text: 'Limits', link: '/limits' },
    ],
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: 'https://github.com/moepress/moepress' }],
    editLink: { pattern: 'https://github.com/moepress/moepress/edit/main/docs/:path' },
  },
});
