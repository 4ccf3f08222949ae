import { spawnSync } from 'node:child_process';

/** The program of a browser that is installed here; null, after saying so, if there is none. */
export function findChromium(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  const found = names.find((name) => spawnSync(name, ['--version']).status === 0);
  if (found === undefined) {
    console.log('Skipped: no Chromium here (apt-get install chromium).');
    return null;
  }
  return spawnSync('which', [found], { encoding: 'utf8' }).stdout.trim();
}
