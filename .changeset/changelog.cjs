/** How changesets become a changelog: their texts alone. All packages have one version, so which of them changed says nothing. */
module.exports = {
  async getReleaseLine({ summary }) {
    const [first, ...others] = summary.trim().split('\n');
    return [`- ${first}`, ...others.map((line) => (line === '' ? '' : `  ${line}`))].join('\n');
  },
  async getDependencyReleaseLine() {
    return '';
  },
};
