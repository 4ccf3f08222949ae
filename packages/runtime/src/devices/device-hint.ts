import type { Device } from './device.js';
import { cudaInstaller, supported } from './find-onnx-runtime.js';

/** Systems for which onnxruntime-node is published with each device, as `process.platform` and `process.arch`. */
const published: Readonly<Record<Device, readonly string[]>> = {
  cpu: ['linux/x64', 'linux/arm64', 'darwin/arm64', 'darwin/x64', 'win32/x64', 'win32/arm64'],
  cuda: ['linux/x64'],
  webgpu: ['linux/x64', 'darwin/arm64', 'win32/x64', 'win32/arm64'],
  dml: ['win32/x64', 'win32/arm64'],
  coreml: ['darwin/arm64', 'darwin/x64'],
};

const here = `${process.platform}/${process.arch}`;

/** Whether the runtime was published with a device for this system. */
export const isPublished = (device: Device): boolean => published[device].includes(here);

/** What makes a device start that is published for this system and does not. */
export function deviceHint(device: Device): string {
  if (!isPublished(device)) {
    return `onnxruntime-node has ${device} on ${published[device].join(', ')} only: choose another device.`;
  }
  switch (device) {
    case 'cuda':
      return `Install CUDA 12 and cuDNN 9, then the libraries of onnxruntime-node: ${cudaCommand()}`;
    case 'webgpu':
      return process.platform === 'linux'
        ? 'Install the Vulkan loader and a driver: apt-get install libvulkan1 mesa-vulkan-drivers, or that of the maker of the card.'
        : 'Install the newest driver of the graphics card.';
    default:
      return 'Install moepress anew, and the newest driver of the graphics card.';
  }
}

/** One line: npm runs the script that downloads them, and where scripts are off it is run by itself. */
function cudaCommand(installer = cudaInstaller()): string {
  return installer === null
    ? `npm install onnxruntime-node@~${supported}.0`
    : `node ${installer} --onnxruntime-node-install=cuda12`;
}
