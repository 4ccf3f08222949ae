import { drawn } from 'elements';

/** Hues, each with a variant for light and dark ground, that all stand out from it by 3 to 1; see page.css. */
const hues = 8;

/** Outlines around a middle, for a radius of 6. Methods differ by shape too, for whoever does not tell their hues apart. */
const shapes = [
  'M-6,0a6,6 0 1,0 12,0a6,6 0 1,0 -12,0Z',
  'M-5.3,-5.3H5.3V5.3H-5.3Z',
  'M0,-7L6.5,5H-6.5Z',
  'M0,-7.3L7.3,0L0,7.3L-7.3,0Z',
  'M-2.4,-6.5H2.4V-2.4H6.5V2.4H2.4V6.5H-2.4V2.4H-6.5V-2.4H-2.4Z',
  'M0,7L6.5,-5H-6.5Z',
  'M0,-7.2L1.9,-2.4L6.9,-2.2L3,1.1L4.2,6L0,3.2L-4.2,6L-3,1.1L-6.9,-2.2L-1.9,-2.4Z',
  'M-3,-6.5H3L6.5,-3V3L3,6.5H-3L-6.5,3V-3Z',
];

/** The look of the n-th method: no two of the first 64 are alike. */
export const lookOf = (n) => ({
  colour: `var(--hue-${n % hues})`,
  shape: shapes[(n + Math.floor(n / hues)) % shapes.length],
});

/** A mark at a place; hollow ones are outlines. */
export const mark = ({ colour, shape }, { x, y, hollow = false, ...attributes }) =>
  drawn('path', {
    class: 'mark',
    d: shape,
    transform: `translate(${x} ${y})`,
    fill: hollow ? 'none' : colour,
    stroke: hollow ? colour : 'var(--ground)',
    'stroke-width': hollow ? 2 : 1,
    ...attributes,
  });
