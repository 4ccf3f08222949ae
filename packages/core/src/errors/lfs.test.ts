import { describe, expect, it } from 'vitest';
import { lfsPointerSize, refuseLfsPointer } from './lfs.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'4d'.repeat(32)}\nsize 4146016\n`;

describe('git-lfs pointers', () => {
  it('are known by their first line', () => {
    expect(lfsPointerSize(bytes(pointer))).toBe(4146016);
    expect(lfsPointerSize(bytes(pointer.replaceAll('\n', '\r\n')))).toBe(4146016);
    expect(lfsPointerSize(bytes(pointer.replace('oid', 'ext-0-x sha256:00\noid')))).toBe(4146016);
  });

  it.each([
    '',
    '{}',
    `# ${pointer}`,
    'version https://git-lfs.github.com/spec/v1',
    `${pointer}${' '.repeat(1024)}`,
  ])('are not seen in %j', (text) => {
    expect(lfsPointerSize(bytes(text))).toBeNull();
    expect(() => refuseLfsPointer(bytes(text), 'x', 'CONFIG_INVALID')).not.toThrow();
  });

  it('are refused with the way to the file', () => {
    expect(() => refuseLfsPointer(bytes(pointer), 'tokenizer.json', 'TOKENIZER_MISSING')).toThrow(
      expect.objectContaining({
        code: 'TOKENIZER_MISSING',
        where: 'tokenizer.json',
        hint: expect.stringContaining('git lfs pull'),
      }),
    );
  });
});
