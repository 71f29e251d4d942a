// ethers 6 against every node: deploy, all transaction types, reads on each other node, errors, logs, subscriptions.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  Contract,
  ContractFactory,
  FallbackProvider,
  Interface,
  JsonRpcProvider,
  NonceManager,
  Wallet,
  WebSocketProvider,
  ZeroAddress,
  parseEther,
  verifyMessage,
  verifyTypedData,
} from 'ethers';
import { blobs } from '../lib/blobs.mjs';
import { Counter, Environment, Reverter, Token } from '../lib/contracts.mjs';
import { accounts, agree, event, restoreMining, rpc, sameEverywhere, urls, webSocketUrls, wrongInAnvil } from '../lib/nodes.mjs';

const options = { cacheTimeout: -1, pollingInterval: 25 };
const providers = urls.map((url) => new JsonRpcProvider(url, undefined, options));
const account = accounts[0];
const walletOn = (node, which = account) => new Wallet(which.privateKey, providers[node]);
after(() => providers.forEach((provider) => provider.destroy()));

/** Asserts that what `read(provider)` gives is the same, and as expected, on each node. */
async function readEverywhere(read, expected) {
  for (const [node, provider] of providers.entries()) {
    assert.deepEqual(await read(provider), expected, `read on node ${node}`);
  }
}

describe('ethers: identity', () => {
  test('chain id, block number and fees are the same on every node', async () => {
    for (const provider of providers) {
      assert.equal((await provider.getNetwork()).chainId, 31337n);
      const fees = await provider.getFeeData();
      assert.ok(fees.gasPrice > 0n && fees.maxFeePerGas >= fees.maxPriorityFeePerGas);
    }
    await sameEverywhere('eth_blockNumber');
    await sameEverywhere('eth_accounts');
    await sameEverywhere('net_version');
  });
});

describe('ethers: contracts', () => {
  for (const node of urls.keys()) {
    test(`deployed through node ${node}, used through each, read on each`, async () => {
      const factory = new ContractFactory(Counter.abi, Counter.bytecode, walletOn(node));
      const counter = await factory.deploy(5, { value: 7 });
      await counter.deploymentTransaction().wait();
      const address = await counter.getAddress();
      await readEverywhere((provider) => provider.getCode(address), Counter.deployedBytecode);
      await readEverywhere((provider) => provider.getBalance(address), 7n);
      await readEverywhere((provider) => new Contract(address, Counter.abi, provider).number(), 5n);
      let expected = 5n;
      for (const through of urls.keys()) {
        const transaction = await new Contract(address, Counter.abi, walletOn(through)).increment();
        const receipt = await transaction.wait();
        expected += 1n;
        assert.equal(receipt.status, 1);
        assert.equal(receipt.logs.length, 1);
        await readEverywhere((provider) => new Contract(address, Counter.abi, provider).number(), expected);
        await readEverywhere((provider) => provider.getStorage(address, 0), `0x${expected.toString(16).padStart(64, '0')}`);
        await readEverywhere(async (provider) => (await provider.getTransactionReceipt(transaction.hash)).blockHash, receipt.blockHash);
      }
      await agree();
    });
  }

  test('an estimate is enough and not far too much', async () => {
    const token = await new ContractFactory(Token.abi, Token.bytecode, walletOn(0)).deploy(1000);
    await token.waitForDeployment();
    for (const node of urls.keys()) {
      const here = token.connect(walletOn(node));
      const gas = await here.transfer.estimateGas(accounts[1].address, 1);
      const receipt = await (await here.transfer(accounts[1].address, 1, { gasLimit: gas })).wait();
      assert.equal(receipt.status, 1);
      assert.ok(gas >= receipt.gasUsed && gas < receipt.gasUsed * 2n, `${gas} for ${receipt.gasUsed}`);
    }
  });

  test('a call sees the block: number, time, chain id, and no base fee without a gas price', async () => {
    const deployed = await new ContractFactory(Environment.abi, Environment.bytecode, walletOn(0)).deploy();
    await deployed.waitForDeployment();
    for (const provider of providers) {
      const block = await provider.getBlock('latest');
      const [number, time, , chainId] = await new Contract(await deployed.getAddress(), Environment.abi, provider).current();
      assert.ok(number === BigInt(block.number) || number === BigInt(block.number + 1), `${number}`);
      assert.ok(time >= BigInt(block.timestamp));
      assert.equal(chainId, 31337n);
    }
  });

  test('BASEFEE in a call without a gas price is 0', { skip: wrongInAnvil }, async () => {
    const deployed = await new ContractFactory(Environment.abi, Environment.bytecode, walletOn(0)).deploy();
    await deployed.waitForDeployment();
    for (const provider of providers) {
      const [, , baseFee] = await new Contract(await deployed.getAddress(), Environment.abi, provider).current();
      assert.equal(baseFee, 0n);
    }
  });
});

describe('ethers: transaction types', () => {
  const to = '0x00000000000000000000000000000000000e7e25';
  const address2930 = '0x0000000000000000000000000000000000002930';
  const slot = `0x${'00'.repeat(31)}01`;

  for (const node of urls.keys()) {
    test(`legacy, 2930 and 1559 through node ${node}`, async () => {
      const requests = [
        { type: 0, to, value: 1, gasPrice: 3_000_000_000n },
        { type: 1, to, value: 1, gasPrice: 3_000_000_000n, accessList: [{ address: address2930, storageKeys: [slot] }] },
        { type: 2, to, value: 1, maxFeePerGas: 5_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n },
      ];
      for (const request of requests) {
        const before = await providers[0].getBalance(to);
        const sent = await walletOn(node).sendTransaction(request);
        const receipt = await sent.wait();
        assert.equal(receipt.type, request.type);
        assert.equal(receipt.status, 1);
        assert.equal(receipt.gasUsed, request.type === 1 ? 21_000n + 2400n + 1900n : 21_000n);
        await readEverywhere((provider) => provider.getBalance(to), before + 1n);
        await readEverywhere(async (provider) => (await provider.getTransaction(sent.hash)).type, request.type);
        const block = await providers[node].getBlock(receipt.blockNumber);
        const tip = receipt.gasPrice - block.baseFeePerGas;
        if (request.type === 2) assert.equal(tip, 1_000_000_000n);
        else assert.equal(receipt.gasPrice, 3_000_000_000n);
      }
    });

    for (const wrapper of [null, 1]) {
      const what = wrapper === null ? 'one proof a blob (EIP-4844)' : 'cell proofs (EIP-7594)';
      test(`4844 with ${what} through node ${node}`, async () => {
        const deployed = await new ContractFactory(Environment.abi, Environment.bytecode, walletOn(node)).deploy();
        await deployed.waitForDeployment();
        const target = await deployed.getAddress();
        const sent = await walletOn(node).sendTransaction({
          type: 3,
          to: target,
          data: new Interface(Environment.abi).encodeFunctionData('record'),
          maxFeePerBlobGas: 10_000_000_000n,
          gasLimit: 300_000,
          blobWrapperVersion: wrapper,
          blobs: blobs.map(({ data, commitment, proof, cellProofs }) => ({
            data,
            commitment,
            proof: wrapper === null ? proof : cellProofs,
          })),
        });
        const receipt = await sent.wait();
        assert.equal(receipt.status, 1);
        assert.equal(receipt.type, 3);
        assert.equal(receipt.blobGasUsed, 262_144n);
        assert.ok(receipt.blobGasPrice >= 1n);
        await readEverywhere(async (provider) => (await provider.getTransaction(sent.hash)).blobVersionedHashes.length, 2);
        const seen = await new Contract(target, Environment.abi, providers[node]).firstBlob();
        assert.equal(seen, (await providers[node].getTransaction(sent.hash)).blobVersionedHashes[0]);
        await readEverywhere(async (provider) => (await provider.getBlock(receipt.blockNumber)).blobGasUsed, 262_144n);
      });
    }

    test(`7702 through node ${node}`, async () => {
      const counter = await new ContractFactory(Counter.abi, Counter.bytecode, walletOn(node)).deploy(0);
      await counter.waitForDeployment();
      const delegate = await counter.getAddress();
      const authority = Wallet.createRandom(providers[node]);
      const authorization = await authority.authorize({ address: delegate, nonce: 0 });
      const sent = await walletOn(node).sendTransaction({
        type: 4,
        to: authority.address,
        data: new Interface(Counter.abi).encodeFunctionData('setNumber', [77]),
        authorizationList: [authorization],
        gasLimit: 300_000,
      });
      const receipt = await sent.wait();
      assert.equal(receipt.status, 1);
      assert.equal(receipt.type, 4);
      await readEverywhere((provider) => provider.getCode(authority.address), `0xef0100${delegate.slice(2).toLowerCase()}`);
      await readEverywhere((provider) => provider.getTransactionCount(authority.address), 1);
      await readEverywhere((provider) => new Contract(authority.address, Counter.abi, provider).number(), 77n);
      await readEverywhere(async (provider) => (await provider.getTransaction(sent.hash)).authorizationList.length, 1);
    });

    test(`unlocked account through node ${node}`, async () => {
      const signer = await providers[node].getSigner(accounts[1].address);
      const nonce = await providers[node].getTransactionCount(accounts[1].address);
      const sent = await signer.sendTransaction({ to, value: 3 });
      assert.equal((await sent.wait()).status, 1);
      assert.equal(sent.nonce, nonce);
      await readEverywhere((provider) => provider.getTransactionCount(accounts[1].address), nonce + 1);
    });
  }

  test('the nonces of one account follow each other over all nodes', async () => {
    const start = await providers[0].getTransactionCount(account.address);
    for (let step = 0; step < 6; step += 1) {
      const sent = await walletOn(step % urls.length).sendTransaction({ to, value: 1 });
      assert.equal(sent.nonce, start + step);
      await sent.wait();
    }
  });

  test('a NonceManager sends many at once without a gap', async () => {
    const manager = new NonceManager(walletOn(urls.length - 1, accounts[2]));
    const start = await providers[0].getTransactionCount(accounts[2].address);
    const sent = await Promise.all(Array.from({ length: 20 }, () => manager.sendTransaction({ to, value: 1, gasLimit: 21_000 })));
    await Promise.all(sent.map((transaction) => transaction.wait()));
    await readEverywhere((provider) => provider.getTransactionCount(accounts[2].address), start + 20);
  });
});

describe('ethers: errors', () => {
  const reverter = new Interface(Reverter.abi);
  let address;
  before(async () => {
    const deployed = await new ContractFactory(Reverter.abi, Reverter.bytecode, walletOn(0)).deploy();
    await deployed.waitForDeployment();
    address = await deployed.getAddress();
  });

  const failures = [
    ['withReason', [], (error) => assert.equal(error.reason, 'boom')],
    ['withCustomError', [], (error) => assert.deepEqual([...reverter.parseError(error.data).args], [7n, 'seven'])],
    ['withNothing', [], (error) => assert.ok(error.data === '0x' || error.data === null, `${error.data}`)],
    ['withOverflow', [1], (error) => assert.match(error.reason ?? error.message, /OVERFLOW\(17\)/)],
    ['withAssert', [false], (error) => assert.match(error.reason ?? error.message, /ASSERT_FALSE\(1\)/)],
  ];
  for (const [name, args, check] of failures) {
    test(`${name}: call and estimate are decoded on every node`, async () => {
      for (const provider of providers) {
        const contract = new Contract(address, Reverter.abi, provider);
        for (const attempt of [contract[name].staticCall, contract[name].estimateGas]) {
          const error = await attempt(...args).then(() => assert.fail('must fail'), (error) => error);
          assert.equal(error.code, 'CALL_EXCEPTION', error.message);
          check(error);
        }
      }
    });
  }

  test('an invalid opcode fails in a call', async () => {
    for (const provider of providers) {
      const contract = new Contract(address, Reverter.abi, provider);
      await assert.rejects(contract.withInvalidOpcode(), /invalid opcode|InvalidFEOpcode|CALL_EXCEPTION/);
    }
  });

  test('a transaction that reverts is mined with status 0 and changes nothing', async () => {
    for (const node of urls.keys()) {
      const sent = await new Contract(address, Reverter.abi, walletOn(node)).withReason({ gasLimit: 100_000 });
      await assert.rejects(sent.wait(), { code: 'CALL_EXCEPTION' });
      await readEverywhere(async (provider) => (await provider.getTransactionReceipt(sent.hash)).status, 0);
      await readEverywhere((provider) => new Contract(address, Reverter.abi, provider).touched(), 0n);
    }
  });

  test('nonce too low', async () => {
    for (const node of urls.keys()) {
      await assert.rejects(walletOn(node).sendTransaction({ to: ZeroAddress, nonce: 0 }), { code: 'NONCE_EXPIRED' });
    }
  });

  test('insufficient funds', async () => {
    for (const node of urls.keys()) {
      const poor = Wallet.createRandom(providers[node]);
      await assert.rejects(poor.sendTransaction({ to: ZeroAddress, value: 1, gasLimit: 21_000 }), { code: 'INSUFFICIENT_FUNDS' });
    }
  });

  test('replacement underpriced, and a replacement that pays', async () => {
    await rpc(urls[0], 'evm_setAutomine', [false]);
    try {
      const nonce = await providers[0].getTransactionCount(account.address);
      const request = { to: ZeroAddress, nonce, gasLimit: 21_000, maxPriorityFeePerGas: 10n ** 9n, maxFeePerGas: 10n ** 10n };
      const first = await walletOn(0).sendTransaction({ ...request, value: 1 });
      const last = urls.length - 1;
      await assert.rejects(walletOn(last).sendTransaction({ ...request, value: 2 }), { code: 'REPLACEMENT_UNDERPRICED' });
      const second = await walletOn(last).sendTransaction({
        ...request,
        value: 3,
        maxPriorityFeePerGas: 2n * 10n ** 9n,
        maxFeePerGas: 2n * 10n ** 10n,
      });
      await agree();
      await rpc(urls[0], 'evm_mine');
      await readEverywhere(async (provider) => (await provider.getTransactionReceipt(second.hash))?.status, 1);
      await readEverywhere((provider) => provider.getTransactionReceipt(first.hash), null);
    } finally {
      await restoreMining();
    }
  });
});

describe('ethers: signing by the node', () => {
  for (const node of urls.keys()) {
    test(`personal_sign, eth_sign and eth_signTypedData_v4 on node ${node}`, async () => {
      const signer = await providers[node].getSigner(account.address);
      assert.equal(verifyMessage('hello', await signer.signMessage('hello')), account.address);
      assert.equal(verifyMessage('hello', await signer._legacySignMessage('hello')), account.address);
      const domain = { name: 'Praline', version: '1', chainId: 31337, verifyingContract: accounts[3].address };
      const types = {
        Person: [{ name: 'name', type: 'string' }, { name: 'wallets', type: 'address[]' }],
        Mail: [{ name: 'from', type: 'Person' }, { name: 'contents', type: 'bytes' }, { name: 'cost', type: 'uint256' }],
      };
      const mail = { from: { name: 'Ann', wallets: [accounts[1].address] }, contents: '0x1234', cost: 12345678901234567890n };
      assert.equal(verifyTypedData(domain, types, mail, await signer.signTypedData(domain, types, mail)), account.address);
    });
  }
});

describe('ethers: logs', () => {
  test('queries by address, topic, range and block hash, the same on every node', async () => {
    const token = await new ContractFactory(Token.abi, Token.bytecode, walletOn(0)).deploy(1000);
    await token.waitForDeployment();
    const address = await token.getAddress();
    const from = (await providers[0].getBlockNumber());
    let receipt;
    for (let step = 1; step <= 4; step += 1) {
      const through = token.connect(walletOn(step % urls.length));
      receipt = await (await through.transfer(accounts[step % 2].address, step)).wait();
    }
    await (await token.approve(accounts[3].address, 9)).wait();
    await readEverywhere(async (provider) => {
      const here = token.connect(provider);
      const to1 = await here.queryFilter(here.filters.Transfer(null, accounts[1].address), from);
      const all = await here.queryFilter('*', from);
      const one = await provider.getLogs({ address, blockHash: receipt.blockHash });
      const either = await provider.getLogs({ fromBlock: from, topics: [[token.interface.getEvent('Approval').topicHash]] });
      return [to1.map((log) => log.args.value), all.length, one.length, either.length];
    }, [[1n, 3n], 6, 1, 1]);
  });
});

describe('ethers: subscriptions over WebSocket', () => {
  for (const node of urls.keys()) {
    test(`blocks, logs and pending transactions heard on node ${node}, sent through another`, async () => {
      const socket = new WebSocketProvider(webSocketUrls[node], undefined, options);
      try {
        const sender = walletOn((node + 1) % urls.length);
        const counter = await new ContractFactory(Counter.abi, Counter.bytecode, sender).deploy(0);
        await counter.waitForDeployment();
        const [block, log, pending] = [event('block'), event('log'), event('pending transaction')];
        const here = counter.connect(socket);
        await socket.on('block', block.resolve);
        await socket.on('pending', pending.resolve);
        await here.on('Changed', (by, value, payload) => log.resolve({ by, value, hash: payload.log.transactionHash }));
        // A subscription is there once a later request on the same connection is answered.
        await socket.getBlockNumber();
        const sent = await counter.setNumber(123);
        const receipt = await sent.wait();
        assert.equal(await pending.promise, sent.hash);
        assert.equal(await block.promise, receipt.blockNumber);
        assert.deepEqual(await log.promise, { by: account.address, value: 123n, hash: sent.hash });
        await socket.removeAllListeners();
        await socket.getBlockNumber();
      } finally {
        await socket.destroy();
      }
    });
  }
});

describe('ethers: several nodes behind one provider', () => {
  test('a FallbackProvider that asks for a quorum gets one', { skip: urls.length < 2 && 'needs several nodes' }, async () => {
    const fallback = new FallbackProvider(
      providers.map((provider, priority) => ({ provider, priority: priority + 1, weight: 1, stallTimeout: 1000 })),
      31337,
      { quorum: 2, cacheTimeout: -1 },
    );
    const sent = await new Wallet(account.privateKey, fallback).sendTransaction({ to: ZeroAddress, value: parseEther('0.001') });
    assert.ok(await providers[0].getTransactionReceipt(sent.hash));
    assert.equal(await fallback.getTransactionCount(account.address), sent.nonce + 1);
    await fallback.destroy();
  });
});
