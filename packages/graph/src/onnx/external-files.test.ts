import { posix, win32 } from 'node:path';
import { expect, it } from 'vitest';
import { GraphBuilder } from '../ir/builder.js';
import { externalRoot, locationOf } from './external-files.js';

const graphOf = (...files: readonly string[]) => {
  const graph = new GraphBuilder('g');
  for (const [i, file] of files.entries()) {
    graph.output(`y${i}`, graph.external(`w${i}`, 'float32', [1], { file, offset: 0, length: 4 }));
  }
  return graph.finish();
};

it.each([
  [posix, '/models/tiny/model.safetensors', '/', 'models/tiny/model.safetensors'],
  // A backslash is a character of a name there.
  [posix, '/a\\b/c', '/', 'a\\b/c'],
  [win32, 'D:\\models\\tiny\\model.safetensors', 'D:\\', 'models/tiny/model.safetensors'],
  [win32, '\\\\server\\share\\tiny\\model.safetensors', '\\\\server\\share\\', 'tiny/model.safetensors'],
])('refers to weights from their root', (path, file, root, location) => {
  expect(externalRoot(graphOf(file), path)).toBe(root);
  expect(locationOf({ file, offset: 0, length: 4 }, path)).toBe(location);
  expect(path.resolve(root, location)).toBe(file);
});

it('has one root for a graph, whatever the case of its letter, and refuses two', () => {
  expect(externalRoot(graphOf(), posix)).toBe('/');
  expect(externalRoot(graphOf('c:\\a', 'C:\\b'), win32)).toBe('c:\\');
  expect(() => externalRoot(graphOf('C:\\a', 'D:\\b'), win32)).toThrow(
    expect.objectContaining({ code: 'INPUT_INVALID', where: 'D:\\b' }),
  );
});
