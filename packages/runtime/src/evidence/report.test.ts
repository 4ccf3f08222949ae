import { describe, expect, it } from 'vitest';
import { reportLayers } from './report.js';

describe('reportLayers', () => {
  it('counts tokens, names dead and scarce experts, and tells where capability sits', () => {
    const tokens = Float64Array.of(100, 0, 31, 32);
    const layers = [
      { layer: 1, tokens, norms: Float64Array.of(6, 0, 1, 3) },
      { layer: 3, tokens: null, norms: Float64Array.of(0, 30, 0, 0) },
    ];
    expect(reportLayers(layers, 32)).toEqual([
      {
        layer: 1,
        tokens: { min: 0, median: 32, max: 100, dead: [1], scarce: [1, 2] },
        capability: {
          share: 0.25,
          top: [
            { expert: 0, share: 0.6 },
            { expert: 3, share: 0.3 },
            { expert: 2, share: 0.1 },
          ],
        },
      },
      { layer: 3, tokens: null, capability: expect.objectContaining({ share: 0.75 }) },
    ]);
  });

  it('divides by nothing where nothing was measured', () => {
    const [report] = reportLayers([{ layer: 0, tokens: null, norms: new Float64Array(2) }], 1);
    expect(report!.capability).toEqual({
      share: 0,
      top: [
        { expert: 0, share: 0 },
        { expert: 1, share: 0 },
      ],
    });
  });
});
