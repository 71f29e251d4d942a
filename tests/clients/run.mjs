// Runs the suites of this folder against a target, with node's test runner and, for `python/`, with unittest. The suite
// `web3_integration` (web3.py's own tests) runs only if it is named, for it takes chains of its own:
//
//   node run.mjs [anvil|one|three|three-in-one|URL,URL,…] [SUITE…]
//
// A target by name is started here, on free ports and in a temporary folder, and stopped at the end. Environment:
// PRALINE: the program (default: target/debug/praline). PRALINE_PYTHON: a Python that has web3.py; without it `python/`
// is left out. PRALINE_COUNTS: a file to which a line `NAME PASSED FAILED SKIPPED` is added for each runner.
// Exits with 1 if a test failed or none was run.

import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as contracts from './lib/contracts.mjs';
import { rpc } from './lib/nodes.mjs';
import { serve } from './lib/serve.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const [target = 'one', ...wanted] = process.argv.slice(2);
const isWanted = (suite) => wanted.length === 0 || wanted.includes(suite);
const suites = readdirSync(`${here}suites`)
  .filter((name) => name.endsWith('.test.mjs') && isWanted(name.replace('.test.mjs', '')))
  .map((name) => `${here}suites/${name}`);

const folder = mkdtempSync(join(tmpdir(), 'praline-run-'));
const served = target.startsWith('http') ? { urls: target.split(','), programs: [], stop: async () => {} } : await serve(target);
const env = {
  ...process.env,
  PRALINE_URLS: served.urls.join(','),
  PRALINE_AGAINST: target === 'anvil' ? 'anvil' : 'praline',
  PRALINE_CONTRACTS: join(folder, 'contracts.json'),
};
writeFileSync(env.PRALINE_CONTRACTS, JSON.stringify(contracts));

function run(command, args, options) {
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'pipe'], env, ...options });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    process.stderr.write(text);
    errors += text;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, errors })));
}

/** Runs the suites one after the other, because each may stop mining or turn the clock of the one chain they share. */
async function runSuites() {
  const report = join(folder, 'report.tap');
  const reporters = ['spec', 'tap'].map((name) => `--test-reporter=${name}`);
  const destinations = ['stdout', report].map((name) => `--test-reporter-destination=${name}`);
  const limits = ['--test-concurrency=1', '--test-timeout=180000'];
  await run(process.execPath, ['--test', ...limits, ...reporters, ...destinations, ...suites]);
  const text = readFileSync(report, 'utf8');
  const count = (name) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
  return [count('pass'), count('fail') + count('cancelled'), count('skipped') + count('todo')];
}

async function runPython(python) {
  const { code, errors } = await run(python, ['-m', 'unittest', '-v'], { cwd: `${here}python` });
  const count = (pattern) => Number(pattern.exec(errors)?.[1] ?? 0);
  const failed = count(/failures=(\d+)/) + count(/errors=(\d+)/);
  const skipped = count(/skipped=(\d+)/);
  return [count(/^Ran (\d+) test/m) - failed - skipped, code === 0 ? 0 : Math.max(failed, 1), skipped];
}

/** A node that does not lead, if there is one, and another of its cluster to prepare the chain with. */
async function followerOf({ urls }) {
  const roles = await Promise.all(urls.map((url) => rpc(url, 'cluster_status').then(({ role }) => role, () => 'single')));
  const follower = Math.max(roles.indexOf('follower'), 0);
  return { PRALINE_URLS: urls[follower], PRALINE_UPSTREAM: urls[(follower + 1) % urls.length] };
}

/** web3.py's integration classes, each transport on a chain of its own, all at once: they mostly wait for blocks. */
async function runWeb3Integration(python) {
  const runs = ['http', 'async_http', 'websocket'].map(async (transport) => {
    const chain = await serve(target, { chainId: 131277322940537n, blockTimeSeconds: 1 });
    const options = { cwd: `${here}python/web3_integration`, env: { ...env, ...(await followerOf(chain)) } };
    const reports = join(folder, `${transport}.txt`);
    const output = openSync(reports, 'w');
    await run(python, ['-m', 'pytest', '-q', '-rfExX', `test_${transport}.py`], { ...options, stdio: ['ignore', output, 'pipe'] });
    closeSync(output);
    await chain.stop();
    return readFileSync(reports, 'utf8');
  });
  const texts = await Promise.all(runs);
  const counts = [0, 0, 0];
  for (const text of texts) {
    process.stdout.write(text);
    const last = text.trimEnd().split('\n').at(-1);
    const count = (name) => Number(new RegExp(`(\\d+) ${name}\\b`).exec(last)?.[1] ?? 0);
    const passed = count('passed') + count('xpassed');
    counts[0] += passed;
    counts[1] += passed > 0 ? count('failed') + count('errors?') : 1;
    counts[2] += count('skipped') + count('xfailed');
  }
  return counts;
}

const results = [];
if (suites.length > 0) results.push(['node', ...(await runSuites())]);
if (process.env.PRALINE_PYTHON && isWanted('python')) results.push(['python', ...(await runPython(process.env.PRALINE_PYTHON))]);
if (wanted.includes('web3_integration')) {
  results.push(['web3.py-own', ...(await runWeb3Integration(process.env.PRALINE_PYTHON ?? 'python3'))]);
}

let ok = results.length > 0;
for (const [runner, passed, failed, skipped] of results) {
  ok &&= failed === 0 && passed > 0;
  if (process.env.PRALINE_COUNTS) appendFileSync(process.env.PRALINE_COUNTS, `${runner}:${target} ${passed} ${failed} ${skipped}\n`);
}
for (const program of served.programs) {
  if (!ok) console.error(`--- what a node printed, at the end:\n${program.output.slice(-1500)}`);
}
await served.stop();
rmSync(folder, { recursive: true, force: true });
process.exit(ok ? 0 : 1);
