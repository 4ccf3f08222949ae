/** Three significant digits and the largest unit that keeps the number below `step` once rounded. */
function scaled(value: number, step: number, units: readonly string[]): string {
  let rest = value;
  let unit = 0;
  while (Number(rest.toPrecision(3)) >= step && unit < units.length - 1) {
    rest /= step;
    unit++;
  }
  const digits = unit === 0 && Number.isInteger(rest) ? String(rest) : trimmed(rest);
  return `${digits} ${units[unit]}`.trimEnd();
}

/** `toPrecision(3)` without exponents: 1234 stays 1234, 0.5 becomes 0.500. */
function trimmed(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

/** Decimal units: 4146016 is `4.15 MB`. */
export const formatBytes = (bytes: number) => scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB']);

/** Counts of parameters, tokens and the like: 6919161856 is `6.92 B`, 640 is `640`. */
export const formatCount = (count: number) => scaled(count, 1000, ['', 'k', 'M', 'B', 'T']);

/** 0.2333 is `23.3 %`. */
export const formatPercent = (fraction: number, digits = 1) => `${(100 * fraction).toFixed(digits)} %`;

/** Seconds: `0.8 s`, `12 s`, `3 min 20 s`, `1 h 05 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  if (minutes < 60) return `${minutes} min ${String(rest).padStart(2, '0')} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

/** An amount of a unit as progress events name it, in the plural: bytes get their own units. */
export function formatAmount(amount: number, unit: string): string {
  if (unit === 'bytes') return formatBytes(amount);
  return `${formatCount(amount)} ${amount === 1 ? unit.replace(/s$/, '') : unit}`;
}

/** Text of strangers (a plan's warnings, a tensor's name) must not steer the terminal it is shown on. */
export const printable = (text: string) =>
  text.replace(
    /[^\P{Cc}\n\t]/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
