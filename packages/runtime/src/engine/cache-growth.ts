/** Room for keys and values is added this many tokens at a time, at least. */
export const cacheGrowth = 64;
