import { afterAll, beforeAll, expect, it } from 'vitest';
import { removePlace } from './place.js';
import { makeReferences, type Reference } from './reference.js';
import { tryTarget } from './suite.js';

/** The short form: each kind of fault once, on the commands that are done soonest. */
let references: readonly Reference[];
beforeAll(async () => {
  references = await makeReferences(['compress', 'apply']);
});
afterAll(() => {
  for (const { place } of references) removePlace(place);
});

it.each([
  ['kills', 2],
  ['crowds', 1],
  ['disks', 1],
  ['restarts', 1],
] as const)('commands withstand %s', async (target, count) => {
  const apply = references.filter(({ job }) => target === 'kills' || job.name === 'apply');
  const { obstacle, cases, faults } = await tryTarget(target, apply, { seed: 1, count });
  expect(faults).toEqual([]);
  if (obstacle !== null) console.log(`${target}: ${obstacle}`);
  else expect(cases).toBe(count);
});
