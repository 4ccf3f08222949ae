/** An expert whose width is to be rounded to a multiple. */
export interface Aligned {
  /** Width its budget gave it. */
  readonly target: number;
  readonly least: number;
  /** Its width now, which it may keep though it be no multiple. */
  readonly most: number;
}

/**
 * Widths that are multiples of `align` (or the whole expert), with a sum as near to that of the targets
 * as multiples allow; by largest remainder: who is furthest below its target is rounded up first. Of two
 * equally near sums the larger is taken.
 */
export function alignWidths(experts: readonly Aligned[], align: number): number[] {
  const widths = experts.map((expert) => roundDown(expert, align));
  let rest = experts.reduce((sum, { target }, e) => sum + target - widths[e]!, 0);
  for (;;) {
    const e =
      rest > 0 ? furthestBelow(experts, widths, align, rest) : furthestAbove(experts, widths, align, -rest);
    if (e === undefined) return widths;
    const width = rest > 0 ? above(widths[e]!, experts[e]!, align) : below(widths[e]!, align);
    rest += widths[e]! - width;
    widths[e] = width;
  }
}

/** The next widths that are allowed. */
const above = (width: number, { most }: Aligned, align: number) =>
  Math.min(most, (Math.floor(width / align) + 1) * align);
const below = (width: number, align: number) => Math.floor((width - 1) / align) * align;

/** The widest allowed width up to the target, or the narrowest that is wide enough. */
function roundDown(expert: Aligned, align: number): number {
  const { target, least, most } = expert;
  if (target === most) return most;
  const width = Math.floor(target / align) * align;
  return width >= least ? width : Math.min(most, Math.ceil(least / align) * align);
}

function furthestBelow(experts: readonly Aligned[], widths: readonly number[], align: number, rest: number) {
  return largest(experts, (expert, e) => {
    const width = widths[e]!;
    const fits = width < expert.most && above(width, expert, align) - width <= 2 * rest;
    return fits ? expert.target - width : null;
  });
}

function furthestAbove(experts: readonly Aligned[], widths: readonly number[], align: number, rest: number) {
  return largest(experts, ({ target, least }, e) => {
    const width = widths[e]!;
    const lower = below(width, align);
    const fits = width > 0 && lower >= least && width - lower < 2 * rest;
    return fits ? width - target : null;
  });
}

/** Index of the expert that measures most, the first of equal ones; experts that measure null are left out. */
function largest(experts: readonly Aligned[], measure: (expert: Aligned, e: number) => number | null) {
  let best: { readonly e: number; readonly value: number } | undefined;
  for (const [e, expert] of experts.entries()) {
    const value = measure(expert, e);
    if (value !== null && (best === undefined || value > best.value)) best = { e, value };
  }
  return best?.e;
}
