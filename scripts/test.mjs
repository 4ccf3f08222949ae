/**
 * `npm test`: builds, lints, checks the imports and runs the tests; arguments go to vitest. The last line is always
 * `N passed, N failed`: tests, and one more failure for each other step that failed.
 *
 * `npm test -- --watch [filters]` runs the tests of the sources as they are, and again after every edit.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const isWindows = process.platform === 'win32';

if (process.argv.includes('--watch')) {
  const filters = process.argv.slice(2).filter((one) => one !== '--watch');
  process.exit(
    spawnSync('npx', ['vitest', 'watch', ...filters], { stdio: 'inherit', shell: isWindows }).status ?? 1,
  );
}

const folder = mkdtempSync(join(tmpdir(), 'moepress-test-'));
const report = join(folder, 'report.json');

const results = [succeeds('build')];
// Packages import each other as they were built, so without a build there is nothing to test.
if (results[0].failed === 0) results.push(succeeds('lint'), runTests());
rmSync(folder, { recursive: true });

const [passed, failed] = ['passed', 'failed'].map((key) => results.reduce((sum, r) => sum + r[key], 0));
process.exitCode = failed > 0 ? 1 : 0;
console.log(`${passed} passed, ${failed} failed`);

function run(command) {
  return spawnSync(command, { stdio: 'inherit', shell: true }).status === 0;
}

function succeeds(script) {
  if (run(`npm run --silent ${script}`)) return { passed: 0, failed: 0 };
  console.log(`\nnpm run ${script} failed.`);
  return { passed: 0, failed: 1 };
}

/** A file that cannot be loaded holds no tests, and a crash leaves no report: each is one failure. */
function runTests() {
  const filters = process.argv.slice(2).join(' ');
  const succeeded = run(
    `npx vitest run --reporter=default --reporter=json --outputFile=${report} ${filters}`,
  );
  if (!existsSync(report)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  const failed = numFailedTests + broken.length;
  return { passed: numPassedTests, failed: succeeded ? failed : Math.max(1, failed) };
}
