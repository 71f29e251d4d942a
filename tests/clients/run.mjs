// Runs the suites of this folder with node's test runner:
//   node run.mjs [anvil|one|three|URL,URL,…] [SUITE…]
// A target by name is started here, on free ports and in a temporary folder, and stopped at the end. `PRALINE` names the
// program (default: target/debug/praline). Exits with the runner's code.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { serve } from './lib/serve.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const [target = 'one', ...wanted] = process.argv.slice(2);
const suites = readdirSync(`${here}suites`)
  .filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => wanted.length === 0 || wanted.some((suite) => name.startsWith(`${suite}.`)))
  .map((name) => `${here}suites/${name}`);

const served = target.startsWith('http') ? { urls: target.split(','), programs: [], stop: async () => {} } : await serve(target);
// One suite after the other: each may stop mining or turn the clock of the one chain that they share.
const runner = spawn(process.execPath, ['--test', '--test-concurrency=1', '--test-timeout=300000', '--test-force-exit', ...(process.env.NODE_TEST_REPORTERS ?? '--test-reporter=spec').split(' '), ...suites], {
  stdio: 'inherit',
  env: {
    ...process.env,
    PRALINE_URLS: served.urls.join(','),
    PRALINE_AGAINST: target === 'anvil' ? 'anvil' : 'praline',
  },
});
const code = await new Promise((resolve) => runner.once('exit', (code) => resolve(code ?? 1)));
if (code !== 0) {
  for (const program of served.programs) console.error(`--- the node said, at the end:\n${program.output.slice(-1500)}`);
}
await served.stop();
process.exit(code);
