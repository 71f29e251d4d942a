// Foundry's cast against every node: each command in one process, as a person would type it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { Counter, Environment, Reverter, Token } from '../lib/contracts.mjs';
import { accounts, agree, receiptOf, rpc, urls } from '../lib/nodes.mjs';
import { foundry } from '../lib/serve.mjs';

const program = foundry('cast');
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'praline-cast-'));
after(() => rmSync(folder, { recursive: true }));

async function cast(url, ...args) {
  const env = { ...process.env, ETH_RPC_URL: url, NO_COLOR: '1', FOUNDRY_DISABLE_NIGHTLY_WARNING: '1' };
  const { stdout } = await run(program, args.map(String), { cwd: folder, env, timeout: 60_000 });
  return stdout.trim();
}
const castJson = async (url, ...args) => JSON.parse(await cast(url, ...args, '--json'));

const sender = accounts[7];
const key = ['--private-key', sender.privateKey];
const to = '0x000000000000000000000000000000000000ca57';
const other = (node) => urls[(node + 1) % urls.length];

async function deploy(url, contract, ...constructor) {
  const receipt = await castJson(url, 'send', ...key, '--create', contract.bytecode, ...constructor);
  assert.equal(receipt.status, '0x1');
  return receipt.contractAddress;
}

for (const [node, url] of urls.entries()) {
  describe(`cast: node ${node}`, () => {
    test('chain-id, client, block-number, gas-price, base-fee, rpc', async () => {
      assert.equal(await cast(url, 'chain-id'), '31337');
      assert.match(await cast(url, 'client'), /^anvil/i);
      assert.equal(Number(await cast(url, 'block-number')), Number(await rpc(url, 'eth_blockNumber')));
      assert.ok(BigInt(await cast(url, 'gas-price')) > 0n);
      assert.ok(BigInt(await cast(url, 'base-fee')) >= 0n);
      assert.equal(await cast(url, 'rpc', 'eth_chainId'), '"0x7a69"');
    });

    test('send and call; receipt, tx, block, nonce, balance on another node', async () => {
      const address = await deploy(url, Counter, 'constructor(uint256)', 3);
      assert.equal(await cast(other(node), 'call', address, 'number()(uint256)'), '3');
      const nonce = Number(await cast(url, 'nonce', sender.address));
      const sent = await castJson(url, 'send', ...key, address, 'setNumber(uint256)', 12, '--value', '5wei');
      assert.equal(await cast(other(node), 'call', address, 'number()(uint256)'), '12');
      assert.equal(Number(await cast(other(node), 'nonce', sender.address)), nonce + 1);
      assert.equal(await cast(other(node), 'balance', address), '5');
      const receipt = await castJson(other(node), 'receipt', sent.transactionHash);
      assert.equal(receipt.blockHash, sent.blockHash);
      assert.equal(await cast(other(node), 'receipt', sent.transactionHash, 'status'), 'true');
      const transaction = await castJson(other(node), 'tx', sent.transactionHash);
      assert.equal(transaction.from, sender.address.toLowerCase());
      const block = await castJson(other(node), 'block', Number(sent.blockNumber));
      assert.equal(block.hash, sent.blockHash);
      assert.ok(block.transactions.includes(sent.transactionHash));
      assert.ok(Number(await cast(other(node), 'age', '--', 'latest').then((age) => Date.parse(age))) > 0);
    });

    test('code, codesize, codehash, storage, storage-root, proof', async () => {
      const address = await deploy(url, Counter, 'constructor(uint256)', 255);
      assert.equal(await cast(url, 'code', address), Counter.deployedBytecode);
      assert.equal(Number(await cast(url, 'codesize', address)), Counter.deployedBytecode.length / 2 - 1);
      assert.equal(await cast(url, 'storage', address, 0), `0x${'ff'.padStart(64, '0')}`);
      const proof = JSON.parse(await cast(url, 'proof', address, 0));
      assert.equal(proof.storageProof[0].value, '0xff');
      assert.equal(await cast(url, 'codehash', address), proof.codeHash);
      assert.equal(await cast(other(node), 'storage-root', address), proof.storageHash);
    });

    test('estimate, access-list, and errors with their reason', async () => {
      const token = await deploy(url, Token, 'constructor(uint256)', 1000);
      const gas = Number(await cast(url, 'estimate', '--from', sender.address, token, 'transfer(address,uint256)', to, 1));
      assert.ok(gas > 21_000 && gas < 200_000);
      const list = await castJson(url, 'access-list', '--from', sender.address, token, 'transfer(address,uint256)', to, 1);
      assert.equal((list.accessList ?? list).find((entry) => entry.address.toLowerCase() === token).storageKeys.length, 2);
      const reverter = await deploy(url, Reverter);
      await assert.rejects(cast(url, 'call', reverter, 'withReason()'), /execution reverted: boom/);
      await assert.rejects(cast(url, 'estimate', reverter, 'withReason()'), /execution reverted: boom/);
      await assert.rejects(cast(url, 'call', reverter, 'withCustomError()'), /execution reverted/);
      await assert.rejects(cast(url, 'send', ...key, '--nonce', 0, to), /nonce too low/);
    });

    test('logs by address, event and topic', async () => {
      const token = await deploy(url, Token, 'constructor(uint256)', 1000);
      await cast(url, 'send', ...key, token, 'transfer(address,uint256)', to, 7);
      const logs = await castJson(other(node), 'logs', '--from-block', 0, '--address', token, 'Transfer(address indexed,address indexed,uint256)', '', to);
      assert.equal(logs.length, 1);
      assert.equal(BigInt(logs[0].data), 7n);
    });

    test('mktx and publish', async () => {
      const raw = await cast(url, 'mktx', ...key, to, '--value', 1);
      assert.match(raw, /^0x02/);
      const hash = await cast(other(node), 'publish', '--async', raw);
      assert.equal((await receiptOf(url, hash.replaceAll('"', ''))).status, '0x1');
    });

    test('legacy, 2930 and 7702 transactions', async () => {
      const legacy = await castJson(url, 'send', ...key, '--legacy', to, '--value', 1);
      assert.equal(legacy.type, '0x0');
      const list = JSON.stringify([{ address: to, storageKeys: [`0x${'00'.repeat(32)}`] }]);
      const access = await castJson(url, 'send', ...key, to, '--value', 1, '--access-list', list);
      assert.ok(['0x1', '0x2'].includes(access.type) && access.gasUsed === '0x62d4', JSON.stringify(access));
      const counter = await deploy(url, Counter, 'constructor(uint256)', 0);
      const fresh = JSON.parse(await cast(url, 'wallet', 'new', '--json'))[0] ?? {};
      const authorization = await cast(url, 'wallet', 'sign-auth', counter, '--private-key', fresh.private_key);
      const delegated = await castJson(url, 'send', ...key, fresh.address, 'setNumber(uint256)', 9, '--auth', authorization);
      assert.deepEqual([delegated.type, delegated.status], ['0x4', '0x1']);
      assert.equal(await cast(other(node), 'code', fresh.address), `0xef0100${counter.slice(2).toLowerCase()}`);
      assert.equal(await cast(other(node), 'call', fresh.address, 'number()(uint256)'), '9');
    });

    test('unlocked', async () => {
      const sent = await castJson(url, 'send', '--unlocked', '--from', accounts[8].address, to, '--value', 1);
      assert.equal(sent.from, accounts[8].address.toLowerCase());
      assert.equal((await castJson(other(node), 'receipt', sent.transactionHash)).status, '0x1');
    });

    test('wallet sign agrees with the node', async () => {
      const signature = await cast(url, 'wallet', 'sign', ...key, '0x68656c6c6f');
      assert.equal(await rpc(url, 'eth_sign', [sender.address, '0x68656c6c6f']), signature);
      assert.equal(JSON.parse(await cast(url, 'rpc', 'personal_sign', '0x68656c6c6f', sender.address)), signature);
    });

    test('tx-pool', async () => {
      assert.deepEqual(JSON.parse(await cast(url, 'tx-pool', 'status')), { pending: '0x0', queued: '0x0' });
      await cast(url, 'tx-pool', 'content');
    });

    test('cheats by rpc', async () => {
      await cast(url, 'rpc', 'anvil_setBalance', to, '0x64');
      assert.equal(await cast(other(node), 'balance', to), '100');
      const before = Number(await cast(url, 'block-number'));
      await cast(url, 'rpc', 'evm_mine');
      assert.equal(Number(await cast(other(node), 'block-number')), before + 1);
      await agree();
    });
  });
}

// Once, not on each node: cast needs ten seconds to load its tables.
describe('cast: blobs', () => {
  test('one proof a blob (EIP-4844), and cell proofs (EIP-7594)', async () => {
    const file = join(folder, 'blob');
    writeFileSync(file, 'a blob made by cast');
    const environment = await deploy(urls[0], Environment);
    for (const form of [['--eip4844'], []]) {
      const blob = await castJson(urls[0], 'send', ...key, '--blob', ...form, '--path', file, '--blob-gas-price', '10gwei', '--gas-limit', 300_000, environment, 'record()');
      assert.deepEqual([blob.type, blob.status, blob.blobGasUsed], ['0x3', '0x1', '0x20000']);
      const { blobVersionedHashes } = await rpc(urls.at(-1), 'eth_getTransactionByHash', [blob.transactionHash]);
      assert.equal(await cast(urls.at(-1), 'call', environment, 'firstBlob()(bytes32)'), blobVersionedHashes[0]);
      // The blobs themselves are kept.
      const [kept] = await rpc(urls.at(-1), 'anvil_getBlobsByTransactionHash', [blob.transactionHash]);
      assert.equal(kept.length, 2 + 2 * 131072);
      assert.ok(kept.includes(Buffer.from('a blob made by cast').toString('hex')));
      assert.equal(await rpc(urls[0], 'anvil_getBlobByHash', [blobVersionedHashes[0]]), kept);
    }
  });
});
