/** The tables of config.json's keys in docs/architectures.md. */
import { type KeyRule, type KeyTable, type Meaning, type Quantity, quantities } from './keys.js';
import type { ArchitectureManifest } from './manifest.js';
import { commonRotation, type RotationQuantity, rotations } from './rotation.js';

/** A row for each way to read a key, with the families that read it so. */
export function keyTable(manifests: readonly ArchitectureManifest[]): string {
  const rows = (Object.keys(quantities) as Quantity[]).flatMap((quantity) => {
    const ways = new Map<string, { cells: string[]; families: string[] }>();
    for (const { modelType, keys } of manifests) {
      const rule: KeyRule | undefined = keys[quantity];
      if (!rule) continue;
      const cells = cellsOf<Quantity>(rule, keys);
      const way = ways.get(cells.join()) ?? { cells, families: [] };
      ways.set(cells.join(), { cells, families: [...way.families, modelType] });
    }
    return [...ways.values()].map(({ cells: [names, aliases, ...meanings], families }) => [
      names!,
      quantities[quantity],
      aliases!,
      families.length === manifests.length ? 'all' : families.join(', '),
      ...meanings,
    ]);
  });
  return table(['key', 'what it is', 'other names', 'families', 'absent', 'null'], rows);
}

/** The same of the keys inside a rotation. */
export function rotationTable(): string {
  const rows = Object.entries({ 'every type': commonRotation, ...rotations }).flatMap(([type, keys]) =>
    Object.values<KeyRule<RotationQuantity>>(keys).map((rule) => {
      const [name, , ...meanings] = cellsOf<RotationQuantity>(rule, { ...commonRotation, ...keys });
      return [type, name!, ...meanings];
    }),
  );
  return table(['`rope_type`', 'key', 'absent', 'null'], rows);
}

/** The keys that nothing reads, by what they may say. */
export function fixedTable(manifests: readonly ArchitectureManifest[]): string {
  const rows = new Map<string, { cells: string[]; families: string[] }>();
  for (const { modelType, fixed = {} } of manifests) {
    for (const [name, values] of Object.entries(fixed)) {
      const cells = [code(name), values.map((value) => code(JSON.stringify(value))).join(' or ')];
      const row = rows.get(cells.join()) ?? { cells, families: [] };
      rows.set(cells.join(), { cells, families: [...row.families, modelType] });
    }
  }
  return table(
    ['key', 'may be', 'families'],
    [...rows.values()].map(({ cells, families }) => [...cells, families.join(', ')]),
  );
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return [columns, columns.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cellsOf<Q extends string>(rule: KeyRule<Q>, keys: KeyTable<Q>): string[] {
  const [name, ...aliases] = rule.names;
  const alsoFalse = rule.truth ? ' (so is what Python takes for false)' : '';
  return [
    code(name),
    aliases.map(code).join(', '),
    meant(rule.absent, 'must be there', keys),
    meant(rule.null, 'refused', keys) + alsoFalse,
  ];
}

function meant<Q extends string>(meaning: Meaning<Q>, refusal: string, keys: KeyTable<Q>): string {
  if (meaning === 'refused') return refusal;
  if ('value' in meaning) return meaning.value === null ? 'none' : code(JSON.stringify(meaning.value));
  const nameOf = (quantity: Q) => keys[quantity]!.names[0];
  if ('as' in meaning) return code(nameOf(meaning.as));
  return code(meaning.quotient.map(nameOf).join(' // '));
}

const code = (text: string) => `\`${text}\``;
