import { diagnoseDevices } from '../../src/devices/diagnose-devices.js';
import { jsonOption } from '../command-options.js';
import type { Define } from '../context.js';
import { renderDevices } from '../text/doctor-text.js';

export const define: Define = (command, context) =>
  command.addOption(jsonOption()).action(async () => {
    const { work, print } = await context({});
    const diagnosis = await diagnoseDevices(work);
    print(renderDevices(diagnosis), diagnosis);
  });
