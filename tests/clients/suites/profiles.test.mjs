// Clients of a praline that was started as ganache users start theirs, and clients on its socket file. Starts its own.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ContractFactory, IpcSocketProvider, JsonRpcProvider, Wallet, parseEther } from 'ethers';
import { createPublicClient, http } from 'viem';
import { Web3 } from 'web3';
import { IpcProvider } from 'web3-providers-ipc';
import { Reverter } from '../lib/contracts.mjs';
import { pralineOnly } from '../lib/nodes.mjs';
import { freePorts, praline, start } from '../lib/serve.mjs';

const DETERMINISTIC = '0x4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d';
const folder = mkdtempSync(join(tmpdir(), 'praline-profiles-'));
const ipcPath = (node) => join(folder, node === 0 ? 'node.ipc' : `node-${node + 1}.ipc`);
let program;
let urls;

/** Three nodes of a cluster, by a command line of ganache's. */
before(async () => {
  if (pralineOnly) return;
  const port = await freePorts(3);
  const args = `--nodes 3 --server.port ${port} --wallet.deterministic --chain.vmErrorsOnRPCResponse true --errors ganache
    --chain.chainId 1337 --miner.blockTime 0 --ephemeral --ipc ${ipcPath(0)} --write-timeout 30000`;
  program = start(praline, args.split(/\s+/), { cwd: folder });
  await program.until(/Listening on /g, 3);
  urls = [0, 1, 2].map((step) => `http://127.0.0.1:${port + step}`);
});
after(async () => {
  await program?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function deployed(provider) {
  const wallet = new Wallet(DETERMINISTIC, provider);
  const contract = await new ContractFactory(Reverter.abi, Reverter.bytecode, wallet).deploy();
  await contract.waitForDeployment();
  return contract;
}

describe('ganache\'s errors', { skip: pralineOnly }, () => {
  const vm = 'VM Exception while processing transaction: revert';

  test('ethers finds the data of a revert, and the text that old suites look for', async () => {
    const provider = new JsonRpcProvider(urls[1], undefined, { cacheTimeout: -1 });
    const contract = await deployed(provider);
    const error = await contract.withReason.staticCall().catch((error) => error);
    assert.equal(error.code, 'CALL_EXCEPTION');
    assert.equal(error.reason, 'boom');
    // A contract's own error leaves out what the node said.
    const { info } = await provider
      .call({ to: await contract.getAddress(), data: contract.interface.encodeFunctionData('withReason') })
      .catch((error) => error);
    assert.equal(info.error.message, `${vm} boom`);
    assert.equal(info.error.code, -32000);
    const custom = await contract.withCustomError.staticCall().catch((error) => error);
    assert.equal(custom.revert.name, 'Boom');
    const sent = await provider
      .send('eth_sendTransaction', [{ from: await contract.runner.getAddress(), to: await contract.getAddress(), gas: '0x30d40', data: contract.interface.encodeFunctionData('withReason') }])
      .catch((error) => error);
    assert.match(sent.message, /revert boom/);
    provider.destroy();
  });

  test('web3 shows the hash and the reason of a transaction that failed', async () => {
    const provider = new JsonRpcProvider(urls[0], undefined, { cacheTimeout: -1 });
    const contract = await deployed(provider);
    const web3 = new Web3(urls[2]);
    const [from] = await web3.eth.getAccounts();
    const request = { from, to: await contract.getAddress(), gas: '0x30d40', data: contract.interface.encodeFunctionData('withReason') };
    const reply = await web3.currentProvider.request({ method: 'eth_sendTransaction', params: [request], jsonrpc: '2.0', id: 1 }).catch((error) => error);
    const error = reply.error ?? reply.cause ?? reply;
    assert.equal(error.message, `${vm} boom`);
    assert.equal(error.data.reason, 'boom');
    const receipt = await provider.getTransactionReceipt(error.data.hash);
    assert.equal(receipt.status, 0);
    provider.destroy();
  });

  test('viem meets the words in its details', async () => {
    const provider = new JsonRpcProvider(urls[0], undefined, { cacheTimeout: -1 });
    const contract = await deployed(provider);
    const client = createPublicClient({ transport: http(urls[1]) });
    const error = await client.readContract({ address: await contract.getAddress(), abi: Reverter.abi, functionName: 'withReason' }).catch((error) => error);
    assert.match(error.message, /VM Exception while processing transaction: revert boom/);
    provider.destroy();
  });
});

describe('the socket file', { skip: pralineOnly || process.platform === 'win32' }, () => {
  test('ethers sends, waits and subscribes on it, on a follower as on the leader', async () => {
    for (const node of [0, 1, 2]) {
      const provider = new IpcSocketProvider(ipcPath(node));
      assert.equal((await provider.getNetwork()).chainId, 1337n);
      const mined = new Promise((resolve) => provider.once('block', resolve));
      const wallet = new Wallet(DETERMINISTIC, provider);
      const sent = await wallet.sendTransaction({ to: `0x00000000000000000000000000000000000000e${node}`, value: parseEther('1') });
      const receipt = await sent.wait();
      assert.equal(receipt.status, 1);
      assert.equal(await mined, receipt.blockNumber);
      assert.equal(await provider.getBalance(sent.to), parseEther('1'));
      await provider.destroy();
    }
  });

  test('web3 reads, batches and subscribes on it', async () => {
    const provider = new IpcProvider(ipcPath(1));
    const web3 = new Web3(provider);
    assert.equal(await web3.eth.getChainId(), 1337n);
    const many = await Promise.all(Array.from({ length: 50 }, () => web3.eth.getBlockNumber()));
    assert.equal(new Set(many).size, 1);
    const heads = await web3.eth.subscribe('newHeads');
    const next = new Promise((resolve) => heads.on('data', resolve));
    await fetch(urls[2], { method: 'POST', body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'evm_mine', params: [] }) });
    assert.equal(BigInt((await next).number), many[0] + 1n);
    await heads.unsubscribe();
    provider.disconnect();
  });
});
