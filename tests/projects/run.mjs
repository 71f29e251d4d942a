// Runs the projects of this folder against nodes that are started here:
//
//   node tests/projects/run.mjs one|three|anvil [hardhat3|hardhat2|foundry…]
//
// With three nodes a project talks to one that does not lead. Half way through it says so (`POST $PROJECT_CONTROL/middle`),
// and the leader dies of SIGKILL; it comes back when the project is done, and then all three must show the same chain.
//
// PRALINE: the program (default: target/debug/praline). PRALINE_COUNTS: a file to which a line `NAME PASSED FAILED SKIPPED`
// is added for each project. Needs `node tests/projects/install.mjs`. Exits with 1 if a test failed or none was run.

import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serve } from '../clients/lib/serve.mjs';
import { node22 } from './node22.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const [target = 'one', ...wanted] = process.argv.slice(2);

/** How many mocha says passed, failed, were skipped. */
const mochaCounts = (output) =>
  ['passing', 'failing', 'pending'].map((word) => Number(new RegExp(`^\\s*(\\d+) ${word}`, 'm').exec(output)?.[1] ?? 0));

const PROJECTS = {
  hardhat3: {
    contracts: 'contracts',
    command: () => [
      node22(),
      createRequire(import.meta.url)
        .resolve('hardhat/package.json')
        .replace('package.json', 'dist/src/cli.js'),
      'test',
      'mocha',
      '--network',
      'praline',
    ],
    counts: mochaCounts,
  },
  hardhat2: {
    contracts: 'contracts',
    command: () => [
      process.execPath,
      join(here, 'hardhat2/node_modules/hardhat/internal/cli/bootstrap.js'),
      'test',
      '--network',
      'praline',
    ],
    counts: mochaCounts,
  },
  foundry: {
    contracts: 'src',
    command: () => [process.execPath, '--test', '--test-reporter=spec', '--test-timeout=120000', 'test.mjs'],
    counts: (output) =>
      ['pass', 'fail', 'skipped'].map((word) => Number(new RegExp(`^\\W*${word} (\\d+)`, 'm').exec(output)?.[1] ?? 0)),
  },
};

async function rpc(url, method, params = []) {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { result, error } = await response.json();
  if (error) throw new Error(`${method}: ${error.message}`);
  return result;
}

/** Which of the nodes leads. */
async function leaderOf(urls) {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const roles = await Promise.all(urls.map((url) => rpc(url, 'cluster_status').then(({ role }) => role)));
    if (roles.includes('leader')) return roles.indexOf('leader');
  }
  throw new Error('no leader after 30 seconds');
}

/** A server that a project tells of its middle; `act` is done before it is answered. */
async function control(act) {
  const server = createServer((request, response) => {
    act().then(
      () => response.end('{}'),
      (error) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { address: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

async function runProject(name) {
  const { command, contracts, counts } = PROJECTS[name];
  mkdirSync(join(here, name, contracts), { recursive: true });
  copyFileSync(join(here, 'contracts/Vault.sol'), join(here, name, contracts, 'Vault.sol'));
  const nodes = await serve(target);
  const isCluster = nodes.urls.length > 1;
  // The genesis block of nodes in processes of their own is of a constant time; the next block is of the present.
  await rpc(nodes.urls[0], 'evm_mine');
  const leader = isCluster ? await leaderOf(nodes.urls) : -1;
  let killed = false;
  const middle = isCluster
    ? await control(async () => {
        if (killed) return;
        killed = true;
        const program = nodes.programs[leader];
        program.child.kill('SIGKILL');
        await program.ended;
      })
    : undefined;
  const environment = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('PRALINE')));
  const [program, ...args] = command();
  const child = spawn(program, args, {
    cwd: join(here, name),
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...environment,
      HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
      PRALINE_URL: nodes.urls[isCluster ? (leader + 1) % nodes.urls.length : 0],
      ...(middle ? { PROJECT_CONTROL: middle.address } : {}),
    },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    process.stdout.write(text);
    output += text;
  });
  const [code] = await once(child, 'close');
  let [passed, failed, skipped] = counts(output);
  if (code !== 0 || passed === 0) failed = Math.max(failed, 1);
  middle?.close();
  if (isCluster) {
    const agreed = killed && (await comesBack(nodes, leader));
    console.log(`${agreed ? 'ok' : 'NOT OK'}: the leader died under way, came back, and all nodes agree`);
    if (agreed) passed += 1;
    else failed += 1;
  }
  await nodes.stop();
  if (process.env.PRALINE_COUNTS)
    appendFileSync(process.env.PRALINE_COUNTS, `${name}:${target} ${passed} ${failed} ${skipped}\n`);
  return failed === 0;
}

/** Starts the dead node again; whether it and the others show the same head. */
async function comesBack(nodes, index) {
  nodes.restart(index);
  await nodes.programs[index].until(/Listening on /g);
  const heads = await Promise.all(nodes.urls.map((url) => rpc(url, 'eth_getBlockByNumber', ['latest', true])));
  return Number(heads[0].number) > 0 && heads.every((head) => JSON.stringify(head) === JSON.stringify(heads[0]));
}

let ok = true;
for (const name of Object.keys(PROJECTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`=== ${name} on ${target}`);
  ok = (await runProject(name)) && ok;
}
process.exit(ok ? 0 : 1);
