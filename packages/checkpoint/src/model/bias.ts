/** Of a projection whose weights have this name. */
export const biasName = (weight: string): string => weight.replace(/\.weight$/, '.bias');
