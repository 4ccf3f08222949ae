import { expect, it } from 'vitest';
import { declaredDtype } from './storage.js';

it.each([
  [{ torch_dtype: 'bfloat16' }, 'BF16'],
  [{ dtype: 'torch.bfloat16' }, 'BF16'],
  [{ torch_dtype: 'torch.float16' }, 'F16'],
  [{ dtype: 'half' }, 'F16'],
  [{ dtype: 'float' }, 'F32'],
  // The newer name prevails.
  [{ dtype: 'float16', torch_dtype: 'bfloat16' }, 'F16'],
  [{ dtype: null, torch_dtype: 'float32' }, 'F32'],
  [{ dtype: 'auto' }, null],
  [{ dtype: 'float8_e4m3fn' }, null],
  [{ dtype: { text: 'bfloat16' } }, null],
  [{ dtype: 'constructor' }, null],
  [{}, null],
])('of %j is %s', (config, dtype) => {
  expect(declaredDtype(config)).toBe(dtype);
});
