/** A memory that threads share when it is sent to them. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** A memory of one thread; bytes are copied into it faster than into one that others may see. */
interface OwnMemory {
  readonly buffer: ArrayBuffer;
}

/** The part of WebAssembly that is used here; TypeScript declares its types only for browsers. */
interface Api {
  validate(module: Uint8Array<ArrayBuffer>): boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly memory: { readonly own: OwnMemory } | { readonly shared: SharedMemory } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  /** Sizes in pages of 64 KiB. */
  readonly Memory: {
    new (size: { initial: number; maximum: number; shared: true }): SharedMemory;
    new (size: { initial: number; maximum?: number }): OwnMemory;
  };
}

export const webAssembly: Api = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;

/**
 * Whether this process runs a module of products: it has what the module needs (vectors of 128 bits), memory that threads share,
 * and is little-endian as files are.
 */
export function runsProducts(module: Uint8Array<ArrayBuffer>): boolean {
  const [lowest] = new Uint8Array(Uint16Array.of(1).buffer);
  return typeof SharedArrayBuffer !== 'undefined' && lowest === 1 && webAssembly?.validate(module) === true;
}
