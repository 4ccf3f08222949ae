/** How llama.cpp's `llama-imatrix` names what it writes. */
export const importanceKind = 'imatrix';

export const suffixes = { squares: '.in_sum2', counts: '.counts' } as const;

export const textsKey = 'imatrix.datasets';

/** A key that only files of moepress have, by which an output is known as its own. */
export const ownImportanceKey = 'moepress.imatrix';
