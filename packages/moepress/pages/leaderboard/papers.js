import { element, percent } from 'elements';

export const sourceLink = ({ title, table, url }) => element('a', { href: url }, `${title}, ${table}`);

/** Tables of papers with their own columns, which may be none of ours: those of the models that are shown, then the others. */
export function drawPapers(place, { tables, tablesOfModels }) {
  place.hidden = tables.length === 0;
  place.append(...tables.slice(0, tablesOfModels).map(publishedTable));
  const others = tables.slice(tablesOfModels);
  if (others.length === 0) return;
  const summary = element('summary', {}, `Of other models (${others.length} tables)`);
  place.append(element('details', { class: 'others' }, summary, ...others.map(publishedTable)));
}

function publishedTable({ source, setting, columns, models }) {
  const number = (value) => (value === null ? '' : value > 1 ? value.toFixed(2) : value.toFixed(3));
  const head = ['Model', 'Method', 'Experts removed', ...columns.map(({ name }) => name)].map((name, i) =>
    element('th', { scope: 'col', class: i < 2 ? 'fixed' : 'fixed number' }, name),
  );
  const lines = models.flatMap(({ model, rows }) =>
    rows.map((row) =>
      element(
        'tr',
        {},
        element('th', { scope: 'row' }, model),
        element('td', {}, row.method ?? 'original'),
        element('td', { class: 'number' }, row.ratio === null ? '' : percent(row.ratio)),
        ...row.scores.map((score) => element('td', { class: 'number' }, number(score))),
      ),
    ),
  );
  const parts = [element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...lines)];
  const label = `${source.title}, ${source.table}`;
  return element(
    'details',
    {},
    element('summary', {}, label),
    element('p', { class: 'note' }, sourceLink(source), `: ${setting}.`),
    element(
      'div',
      { class: 'scroll', role: 'region', 'aria-label': label, tabindex: 0 },
      element('table', {}, ...parts),
    ),
  );
}
