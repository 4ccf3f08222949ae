/** A memory that threads share when it is sent to them. */
export interface SharedMemory {
  readonly buffer: SharedArrayBuffer;
}

/** The part of WebAssembly that is used here; TypeScript declares its types only for browsers. */
interface Api {
  validate(module: Uint8Array<ArrayBuffer>): boolean;
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, SharedMemory>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> };
  /** Sizes in pages of 64 KiB. */
  readonly Memory: new (size: {
    initial: number;
    maximum: number;
    shared: true;
  }) => SharedMemory;
}

export const webAssembly: Api = (globalThis as unknown as { WebAssembly: Api }).WebAssembly;
