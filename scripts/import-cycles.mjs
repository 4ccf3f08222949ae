import { dirname, relative, resolve, sep } from 'node:path';

/**
 * Cycles of imports inside a package, at every level: the files and folders that lie in one folder must import each other
 * one way only. `files` have a `path` and the module specifiers of their imports, those of types too. Yields for each
 * cycle its level and members, with an import that takes part.
 */
export function importCycles(root, files) {
  const paths = new Set(files.map(({ path }) => path));
  /** Level to member to the members that it imports, each with the files of one such import. */
  const levels = new Map();
  for (const { path, specifiers } of files) {
    for (const specifier of specifiers) {
      if (!specifier.startsWith('.')) continue;
      const target = resolve(dirname(path), specifier.replace(/\.js$/, '.ts'));
      if (paths.has(target) && target !== path)
        addImport(levels, relative(root, path), relative(root, target));
    }
  }
  return [...levels].flatMap(([level, members]) =>
    knots(members).map((knot) => {
      const [from, to] = knot
        .map((member) => members.get(member))
        .flatMap((imports) =>
          [...imports].filter(([name]) => knot.includes(name)).map(([, example]) => example),
        )[0];
      return { level, members: knot.sort(), from, to };
    }),
  );
}

/** Notes an import where the ways to both files part. */
function addImport(levels, from, to) {
  const [a, b] = [from.split(sep), to.split(sep)];
  let depth = 0;
  while (a[depth] === b[depth]) depth++;
  const level = a.slice(0, depth).join('/');
  const members = levels.get(level) ?? new Map();
  levels.set(level, members);
  for (const name of [a[depth], b[depth]]) if (!members.has(name)) members.set(name, new Map());
  const imports = members.get(a[depth]);
  if (!imports.has(b[depth])) imports.set(b[depth], [from, to]);
}

/** Sets of more than one member that all reach each other: strongly connected components, found as Tarjan does. */
function knots(members) {
  const found = [];
  const order = new Map();
  const lowest = new Map();
  const stack = [];
  const visit = (name) => {
    order.set(name, order.size);
    lowest.set(name, order.get(name));
    stack.push(name);
    for (const next of members.get(name).keys()) {
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) lowest.set(name, Math.min(lowest.get(name), lowest.get(next)));
    }
    if (lowest.get(name) !== order.get(name)) return;
    const knot = stack.splice(stack.indexOf(name));
    if (knot.length > 1) found.push(knot);
  };
  for (const name of members.keys()) if (!order.has(name)) visit(name);
  return found;
}
