export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export function drawn(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
export const gigabytes = (bytes) =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(2)} MB`;
/** For round numbers. */
export const roundGigabytes = (bytes) => (bytes === 0 ? '0' : gigabytes(bytes).replace(/\.?0+ /, ' '));
export const perSecond = (tokens) => Math.round(tokens).toLocaleString('en');
