/** Where models run. All but `cpu` are what ONNX Runtime calls execution providers of accelerators. */
export const devices = ['cpu', 'cuda', 'webgpu', 'dml', 'coreml'] as const;

export type Device = (typeof devices)[number];

/** A device by its name, or the best one that starts. */
export type DeviceChoice = Device | 'auto';

export const deviceChoices: readonly DeviceChoice[] = ['auto', ...devices];

/** Precisions of the products with weights on a device other than the processor. */
export const precisions = ['float32', 'float16'] as const;

export type Precision = (typeof precisions)[number];

/** Where and how to compute. */
export interface DeviceOptions {
  /** `cpu` by default; see `startDevice`. */
  readonly device?: DeviceChoice | undefined;
  /** `float32` by default; see `inHalfPrecision`. The processor computes in fp32 in any case. */
  readonly precision?: Precision | undefined;
  /** Bytes of such a device's memory that weights and batches are made for; 4 GiB by default. */
  readonly gpuMemory?: number | undefined;
}
