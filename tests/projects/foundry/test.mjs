// A Foundry project at work: `forge build`, `forge create`, `forge script --broadcast` and `cast`, one after the other, as
// in a Makefile. In the middle of the script's transactions a node of the cluster dies, if there is one to spare.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const url = process.env.PRALINE_URL;
const [account, key] = [
  '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
];

const machine = `${process.platform}-${{ x64: 'amd64' }[process.arch] ?? process.arch}`;
const program = (tool) => createRequire(import.meta.url).resolve(`@foundry-rs/${tool}-${machine}/bin/${tool}`);

// What forge writes goes to a folder of this run.
const folder = mkdtempSync(join(tmpdir(), 'praline-foundry-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const env = {
  ...process.env,
  PRIVATE_KEY: key,
  FOUNDRY_OUT: join(folder, 'out'),
  FOUNDRY_CACHE_PATH: join(folder, 'cache'),
  FOUNDRY_BROADCAST: join(folder, 'broadcast'),
  FOUNDRY_DISABLE_NIGHTLY_WARNING: '1',
  NO_COLOR: '1',
};

/** Runs a tool in the project; answers what it printed. */
async function run(tool, ...args) {
  const { stdout } = await promisify(execFile)(program(tool), args, { cwd: here, env, maxBuffer: 1 << 24 }).catch((error) => {
    throw new Error(`${tool} ${args.join(' ')}: ${error.stderr}${error.stdout}`);
  });
  return stdout.trim();
}
const cast = (...args) => run('cast', ...args, '--rpc-url', url);
/** What `cast` prints for numbers may carry their short form behind: `10 [1e1]`. */
const first = (text) => text.split(' ')[0];

let vault;

test('forge build, with npm’s solc', async () => {
  await run('forge', 'build');
  const { abi } = JSON.parse(readFileSync(join(folder, 'out/Vault.sol/Vault.json'), 'utf8'));
  assert.ok(abi.some(({ name }) => name === 'Withdrawn'));
});

test('forge create', async () => {
  const { timestamp } = JSON.parse(await cast('block', 'latest', '--json'));
  const unlockTime = Number(timestamp) + 604_800;
  const said = await run(
    'forge',
    'create',
    'src/Vault.sol:Vault',
    '--rpc-url',
    url,
    '--private-key',
    key,
    '--broadcast',
    '--value',
    '1ether',
    '--json',
    '--constructor-args',
    `${unlockTime}`,
  );
  const created = JSON.parse(said.slice(said.indexOf('{')));
  vault = created.deployedTo;
  assert.equal(await cast('call', vault, 'owner()(address)'), account);
  assert.equal(first(await cast('call', vault, 'unlockTime()(uint256)')), `${unlockTime}`);
  assert.equal(first(await cast('balance', vault)), '1000000000000000000');
});

test('cast: send, events, receipts, storage', async () => {
  const sent = JSON.parse(await cast('send', vault, 'deposit()', '--value', '5', '--private-key', key, '--json'));
  assert.equal(sent.status, '0x1');
  assert.equal(first(await cast('call', vault, 'deposits(address)(uint256)', account)), '5');
  const logs = JSON.parse(
    await cast('logs', '--json', '--from-block', '0', '--address', vault, 'Deposited(address indexed,uint256)'),
  );
  assert.deepEqual(
    logs.map(({ transactionHash, data }) => [transactionHash, BigInt(data)]),
    [[sent.transactionHash, 5n]],
  );
  assert.equal(JSON.parse(await cast('receipt', sent.transactionHash, '--json')).blockHash, sent.blockHash);
  assert.equal(BigInt(await cast('storage', vault, '0')), BigInt(account));
  assert.equal(JSON.parse(await cast('tx', sent.transactionHash, '--json')).from.toLowerCase(), account.toLowerCase());
});

test('cast tells of reverts: reason, custom error, panic', async () => {
  await assert.rejects(cast('call', vault, 'withdraw()', '--from', account), /too early/);
  await assert.rejects(
    cast('call', vault, 'withdraw()', '--from', '0x00000000000000000000000000000000000abc01'),
    /0x245aecd3|NotOwner/,
  );
  await assert.rejects(cast('call', vault, 'break_(uint256)', '0'), /division or modulo by zero|0x12/);
  await assert.rejects(cast('send', vault, 'withdraw()', '--private-key', key), /too early/);
});

test('forge script --broadcast, six transactions, with a node lost under way', async () => {
  const height = Number(await cast('block-number'));
  const script = run('forge', 'script', 'script/Open.s.sol:Open', '--rpc-url', url, '--broadcast', '--slow');
  script.catch(() => {});
  if (process.env.PROJECT_CONTROL) {
    while (Number(await cast('block-number')) === height)
      await Promise.race([script, new Promise((resolve) => setTimeout(resolve, 5))]);
    await fetch(`${process.env.PROJECT_CONTROL}/middle`, { method: 'POST' });
  }
  await script;
  const { transactions, receipts } = JSON.parse(
    readFileSync(join(folder, 'broadcast/Open.s.sol/31337/run-latest.json'), 'utf8'),
  );
  assert.equal(receipts.length, 6);
  assert.ok(receipts.every(({ status }) => status === '0x1'));
  const created = transactions
    .filter(({ transactionType }) => transactionType === 'CREATE')
    .map(({ contractAddress }) => contractAddress);
  for (const [index, address] of created.entries()) {
    assert.equal(first(await cast('balance', address)), `${11 * (index + 1)}`);
  }
});

test('cast rpc: time, impersonation, snapshots', async () => {
  const snapshot = JSON.parse(await cast('rpc', 'evm_snapshot'));
  await cast('rpc', 'evm_increaseTime', '604801');
  await cast('rpc', 'evm_mine');
  await cast('rpc', 'anvil_impersonateAccount', account);
  const sent = JSON.parse(await cast('send', vault, 'withdraw()', '--unlocked', '--from', account, '--json'));
  assert.equal(sent.status, '0x1');
  assert.equal(first(await cast('balance', vault)), '0');
  assert.equal(await cast('rpc', 'evm_revert', snapshot), 'true');
  assert.equal(first(await cast('balance', vault)), '1000000000000000005');
});
