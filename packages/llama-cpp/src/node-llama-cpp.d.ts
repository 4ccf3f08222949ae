/** Stands in for the types of the package, which is not installed where this one is built. */
declare module 'node-llama-cpp' {
  const binding: unknown;
  export = binding;
}
