// Builds the npm packages around the program under test, installs them from their tarballs in an empty project, and runs
// the suites here with it:
//
//   node tests/npm/run.mjs [SUITE…]
//
// PRALINE: the program (default: target/debug/praline). PRALINE_COUNTS: a file to which a line `npm PASSED FAILED SKIPPED`
// is added. Needs `npm ci --prefix tests/npm`. Exits with 1 if a test failed or none was run.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'praline-npm-test-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

// Without its debug information the program is half as large, and packed twice as fast.
const program = join(folder, 'praline');
copyFileSync(process.env.PRALINE ?? join(root, 'target/debug/praline'), program);
spawnSync('strip', [program], { stdio: 'ignore' });

const said = execFileSync(
  process.execPath,
  [join(root, 'scripts/npm/build.mjs'), join(folder, 'tarballs'), `${process.platform}-${process.arch}=${program}`],
  { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
);
const tarballs = said.trim().split('\n');

const project = join(folder, 'project');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
execFileSync(
  'npm',
  ['install', '--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...tarballs],
  {
    cwd: project,
    stdio: 'inherit',
  },
);
// What a user's project has beside it: clients, TypeScript.
for (const name of ['ethers', 'viem', 'typescript', '@types']) {
  symlinkSync(join(here, 'node_modules', name), join(project, 'node_modules', name));
}

const suites = readdirSync(here)
  .filter((name) => name.endsWith('.test.mjs') && (wanted.length === 0 || wanted.includes(name.replace('.test.mjs', ''))))
  .map((name) => join(here, name));
const report = join(folder, 'report.tap');
const args = ['--test', '--test-timeout=120000', '--test-reporter=spec', '--test-reporter-destination=stdout'];
args.push('--test-reporter=tap', `--test-reporter-destination=${report}`, ...suites);
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PRALINE')));
const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...environment, PRALINE_PROJECT: project } });
await new Promise((resolve) => child.once('close', resolve));

const text = readFileSync(report, 'utf8');
const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
const [passed, failed, skipped] = [count('pass'), count('fail') + count('cancelled'), count('skipped') + count('todo')];
if (process.env.PRALINE_COUNTS) appendFileSync(process.env.PRALINE_COUNTS, `npm ${passed} ${failed} ${skipped}\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
