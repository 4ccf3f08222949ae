import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamW, addTo, sumOfSquares } from './adamw.js';

const float = fc.float({ min: -4, max: 4, noNaN: true });

describe('AdamW', () => {
  it('moves each number as the algorithm says, step after step', () => {
    fc.assert(
      fc.property(
        float,
        fc.array(float, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0.1, max: 2, noNaN: true }),
        (start, gradients, weightDecay, scale) => {
          const tensor = {
            parameter: Float32Array.of(start, start),
            gradient: new Float32Array(2),
            mean: new Float32Array(2),
            variance: new Float32Array(2),
          };
          const [beta1, beta2, epsilon, learningRate] = [0.9, 0.95, 1e-8, 0.01];
          let [theta, m, v] = [start, 0, 0];
          for (const [i, gradient] of gradients.entries()) {
            const step = i + 1;
            tensor.gradient.fill(gradient);
            adamW(tensor, weightDecay, { learningRate, beta1, beta2, epsilon, step, scale });
            const g = gradient * scale;
            m = beta1 * m + (1 - beta1) * g;
            v = beta2 * v + (1 - beta2) * g ** 2;
            const [mHat, vHat] = [m / (1 - beta1 ** step), v / (1 - beta2 ** step)];
            theta -= learningRate * (mHat / (Math.sqrt(vHat) + epsilon) + weightDecay * theta);
          }
          expect(Math.abs(tensor.parameter[0]! - theta)).toBeLessThan(1e-4);
          expect(tensor.parameter[1]).toBe(tensor.parameter[0]);
        },
      ),
    );
  });

  it('moves a first step by the learning rate, whatever the gradient', () => {
    for (const gradient of [1e-3, 7, -1e4]) {
      const tensor = {
        parameter: Float32Array.of(1),
        gradient: Float32Array.of(gradient),
        mean: new Float32Array(1),
        variance: new Float32Array(1),
      };
      const numbers = { learningRate: 0.25, beta1: 0.9, beta2: 0.999, epsilon: 1e-12, step: 1, scale: 1 };
      adamW(tensor, 0, numbers);
      expect(tensor.parameter[0]).toBeCloseTo(1 - 0.25 * Math.sign(gradient), 5);
    }
  });
});

describe('arithmetic in place', () => {
  it('adds and squares', () => {
    const sum = Float32Array.of(1, 2, 3);
    addTo(sum, Float32Array.of(10, 20, 30));
    expect([...sum]).toEqual([11, 22, 33]);
    expect(sumOfSquares(Float32Array.of(3, -4))).toBe(25);
    // In fp32 the ones would be lost.
    expect(sumOfSquares(Float32Array.of(2 ** 13, 1, 1))).toBe(2 ** 26 + 2);
  });
});
