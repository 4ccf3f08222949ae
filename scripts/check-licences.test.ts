import { expect, test } from 'vitest';
import { checkLicences } from './check-licences.mjs';

const lock = (entry: object) => ({ packages: { '': {}, 'node_modules/x': entry, 'packages/core': {} } });

test.each([
  [{ license: 'MIT' }, []],
  [{ license: '(MIT OR GPL-3.0)' }, []],
  [{ license: 'Apache-2.0 AND ISC' }, []],
  [{ license: 'LGPL-3.0-or-later AND MIT', dev: true }, []],
  [{ license: 'MPL-2.0' }, ['x: MPL-2.0']],
  [{ license: 'MIT AND GPL-3.0', dev: true }, ['x: MIT AND GPL-3.0']],
  [{ license: 'SEE LICENSE IN LICENSE' }, ['x: SEE LICENSE IN LICENSE']],
  [{}, ['x: no licence']],
  [{ link: true }, []],
])('%j', (entry, problems) => {
  expect(checkLicences(lock(entry))).toEqual(problems);
});
