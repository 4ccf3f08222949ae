/** Where models run. All but `cpu` are what ONNX Runtime calls execution providers of accelerators. */
export const devices = ['cpu', 'cuda', 'webgpu', 'dml', 'coreml'] as const;

export type Device = (typeof devices)[number];

/** A device by its name, or the best one that starts. */
export type DeviceChoice = Device | 'auto';

export const deviceChoices: readonly DeviceChoice[] = ['auto', ...devices];
