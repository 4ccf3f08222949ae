import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { type Device, devices } from '../devices/device.js';
import { isPublished } from '../devices/device-hint.js';
import { ModelRunner } from '../runner.js';
import { deepModel } from '../testing/deep.js';
import { fixtures } from '../testing/golden.js';
import { productSpeed, startDevice } from './start-device.js';

describe('startDevice', () => {
  it('takes no other device in the place of a named one', async () => {
    const absent = devices.filter((device) => !isPublished(device));
    expect(absent.length).toBeGreaterThan(0);
    const golden = await fixtures[0]!.load();
    const model = await deepModel(golden.model, 1);
    for (const device of absent) {
      await expect(ModelRunner.open(model, { device })).rejects.toMatchObject({
        code: 'ENGINE_FAILED',
        where: 'device',
        hint: expect.stringContaining(`onnxruntime-node has ${device} on`),
      });
    }
  });

  it('says for those that are published here what was wrong and how to fix it, or starts them', async () => {
    for (const device of devices.filter(isPublished)) {
      const error = await startDevice(device).catch((reason) => reason);
      if (error === device) expect(await productSpeed(device)).toBeGreaterThan(0);
      else expect(error.hint).toMatch(/^Install/);
    }
  });

  it('finds one of those that start, and tells which', async () => {
    const events: ProgressEvent[] = [];
    const device: Device = await startDevice('auto', { progress: (event) => events.push(event) });
    expect(await productSpeed(device)).toBeGreaterThan(0);
    expect(events.filter(({ type }) => type === 'advance').at(-1)).toMatchObject({ note: device });
    expect(events.at(-1)).toMatchObject({ type: 'end' });
  });
});
