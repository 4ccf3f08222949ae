/** What is shown, kept behind the # of the address, so that a link leads to the same view. */
export function readAddress() {
  return Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
}

/** Writes what differs from the beginning; the page is not loaded anew and gets no further entry in the history. */
export function writeAddress(state, initial) {
  const changed = Object.entries(state).filter(([name, value]) => value !== initial[name]);
  const hash = new URLSearchParams(changed).toString();
  history.replaceState(null, '', hash === '' ? location.href.split('#')[0] : `#${hash}`);
}
