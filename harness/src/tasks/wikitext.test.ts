import { expect, it } from 'vitest';
import { detokenise } from './wikitext.js';

it.each([
  ['a guest @-@ starring role', 'a guest-starring role'],
  ['1 @,@ 000 and 2 @.@ 5', '1,000 and 2.5'],
  ['film , television ; theatre : actor . Who ? He !', 'film, television; theatre: actor. Who? He !'],
  ['He ( born 1980 ) [ sic ] { x }', 'He (born 1980) [sic] {x}'],
  ['a role as " Craig " in " Teddy \'s Story "', 'a role as "Craig" in "Teddy\'s Story"'],
  [' = = Career = = \n', ' == Career ==\n'],
  [' = = = = Deep = = = = \n', ' ==== Deep ====\n'],
  ['40 ° C', '40°C'],
  ['line \n next', 'line\nnext'],
  ["the dogs ' tails", "the dogs' tails"],
  ['latitude N of', 'latitude 1 of'],
])('detokenises %j', (page, text) => {
  expect(detokenise(page)).toBe(text);
});
