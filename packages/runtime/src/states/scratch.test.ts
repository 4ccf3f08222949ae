import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { inTemporaryFolder } from '../testing/temporary.js';
import { ScratchFolder } from './scratch.js';

it('says that there is no folder for temporary files', () =>
  inTemporaryFolder(async (folder) => {
    vi.stubEnv('TMPDIR', join(folder, 'gone'));
    await expect(ScratchFolder.temporary()).rejects.toMatchObject({
      code: 'WRITE_FAILED',
      where: join(folder, 'gone'),
      hint: expect.stringContaining('TMPDIR'),
    });
    vi.unstubAllEnvs();
  }));
