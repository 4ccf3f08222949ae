import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import type { Device } from '@moepress/runtime';

/**
 * The name under which results are stored: MOEPRESS_DEVICE_NAME, or the name that the driver's program reports; else
 * the machine.
 */
export async function deviceName(device: Device): Promise<string> {
  const named = process.env.MOEPRESS_DEVICE_NAME;
  if (named) return named;
  const query = ['--query-gpu=name', '--format=csv,noheader'];
  const told = await promisify(execFile)('nvidia-smi', query).catch(() => null);
  return (
    told?.stdout.trim().split('\n')[0] || `${device} of a machine with ${cpus()[0]?.model ?? process.arch}`
  );
}
