// Each cheat, raw, asked of each node: its answer, its effect on every other node, and all nodes agree to the byte.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { accounts, agree, everywhere, onEach, pralineOnly, receiptOf, refused, restoreMining, rpc, sameEverywhere, urls, wrongInAnvil } from '../lib/nodes.mjs';
import { Counter, Environment } from '../lib/contracts.mjs';

after(restoreMining);

const hex = (value) => `0x${BigInt(value).toString(16)}`;
const word = (value) => `0x${BigInt(value).toString(16).padStart(64, '0')}`;
let lastAddress = 0xc4ea7_0000;
const freshAddress = () => `0x${(lastAddress += 1).toString(16).padStart(40, '0')}`;
const head = () => sameEverywhere('eth_getBlockByNumber', ['latest', false]);
const other = (node) => urls[(node + 1) % urls.length];
const from = accounts[8].address;
const send = (url, fields = {}) => rpc(url, 'eth_sendTransaction', [{ from, to: accounts[9].address, value: '0x1', ...fields }]);

describe('cheats: state', () => {
  for (const prefix of ['anvil', 'hardhat']) {
    test(`${prefix}_setBalance, setNonce, setCode, setStorageAt`, () =>
      onEach(async (url) => {
        const address = freshAddress();
        const before = await head();
        await rpc(url, `${prefix}_setBalance`, [address, '0x1234567890abcdef']);
        assert.equal(await sameEverywhere('eth_getBalance', [address, 'latest']), '0x1234567890abcdef');
        await rpc(url, `${prefix}_setNonce`, [address, '0x2a']);
        assert.equal(await sameEverywhere('eth_getTransactionCount', [address, 'latest']), '0x2a');
        await rpc(url, `${prefix}_setCode`, [address, Counter.deployedBytecode]);
        assert.equal(await sameEverywhere('eth_getCode', [address, 'latest']), Counter.deployedBytecode);
        await rpc(url, `${prefix}_setStorageAt`, [address, '0x0', word(99)]);
        assert.equal(await sameEverywhere('eth_getStorageAt', [address, '0x0', 'latest']), word(99));
        const call = { to: address, data: '0x8381f58a' };
        assert.equal(await sameEverywhere('eth_call', [call, 'latest']), word(99));
        assert.equal((await head()).hash, before.hash, 'a cheat makes no block');
        await rpc(url, 'evm_mine');
        assert.equal(await sameEverywhere('eth_call', [call, 'latest']), word(99));
        await agree();
      }));
  }

  test('a slot set to zero leaves the trie as it was', { skip: wrongInAnvil }, () =>
    onEach(async (url) => {
      const address = freshAddress();
      await rpc(url, 'anvil_setBalance', [address, '0x1']);
      await rpc(url, 'evm_mine');
      const root = (await head()).stateRoot;
      await rpc(url, 'anvil_setStorageAt', [address, '0x5', word(5)]);
      await rpc(url, 'evm_mine');
      await rpc(url, 'anvil_setStorageAt', [address, '0x5', word(0)]);
      await rpc(url, 'evm_mine');
      const proof = await sameEverywhere('eth_getProof', [address, ['0x5'], 'latest']);
      assert.equal(proof.storageHash, '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421');
      assert.notEqual(root, undefined);
    }));

  for (const prefix of ['anvil', 'hardhat']) {
    test(`${prefix}_impersonateAccount and stopImpersonatingAccount`, () =>
      onEach(async (url, node) => {
        const address = freshAddress();
        await rpc(url, 'anvil_setBalance', [address, hex(10n ** 18n)]);
        const attempt = () => rpc(other(node), 'eth_sendTransaction', [{ from: address, to: from, value: '0x1' }]);
        await assert.rejects(attempt());
        await rpc(url, `${prefix}_impersonateAccount`, [address]);
        const receipt = await receiptOf(other(node), await attempt());
        assert.equal(receipt.from, address);
        assert.equal(receipt.status, '0x1');
        await rpc(other(node), `${prefix}_stopImpersonatingAccount`, [address]);
        await assert.rejects(rpc(url, 'eth_sendTransaction', [{ from: address, to: from, value: '0x1' }]));
        await agree();
      }));
  }
});

describe('cheats: time', () => {
  test('evm_increaseTime moves the next block, and its answer is the whole offset', () =>
    onEach(async (url, node) => {
      // Many blocks in one second run ahead of the clock; a set time makes the two one.
      await rpc(url, 'evm_setNextBlockTimestamp', [hex(BigInt((await head()).timestamp) + 100_000n)]);
      await rpc(url, 'evm_mine');
      const before = await head();
      await rpc(url, 'evm_increaseTime', [1000]);
      await rpc(other(node), 'evm_mine');
      const moved = BigInt((await head()).timestamp) - BigInt(before.timestamp);
      assert.ok(moved >= 1000n && moved <= 1060n, `${moved}`);
      await rpc(other(node), 'evm_increaseTime', [hex(500)]);
      await rpc(url, 'evm_mine');
      await agree();
    }));

  test('evm_setNextBlockTimestamp sets the next block alone', () =>
    onEach(async (url, node) => {
      const timestamp = BigInt((await head()).timestamp) + 5000n;
      await rpc(url, 'evm_setNextBlockTimestamp', [hex(timestamp)]);
      const receipt = await receiptOf(other(node), await send(other(node)));
      const block = await sameEverywhere('eth_getBlockByHash', [receipt.blockHash, false]);
      assert.equal(BigInt(block.timestamp), timestamp);
      await rpc(url, 'evm_mine');
      const later = BigInt((await head()).timestamp);
      assert.ok(later + (wrongInAnvil ? 1n : 0n) > timestamp && later < timestamp + 60n, `${later - timestamp}`);
    }));

  test('a next timestamp in the past is refused, and nothing changes', () =>
    onEach(async (url) => {
      const before = await head();
      await assert.rejects(rpc(url, 'evm_setNextBlockTimestamp', [1]), /timestamp/i);
      assert.equal((await head()).hash, before.hash);
      await rpc(url, 'evm_mine');
      assert.ok(BigInt((await head()).timestamp) >= BigInt(before.timestamp));
    }));
});

describe('cheats: mining', () => {
  test('evm_mine and its forms', () =>
    onEach(async (url) => {
      const number = BigInt((await head()).number);
      await rpc(url, 'evm_mine');
      assert.equal(BigInt((await head()).number), number + 1n);
      const timestamp = BigInt((await head()).timestamp) + 77n;
      await rpc(url, 'evm_mine', [hex(timestamp)]);
      assert.equal(BigInt((await head()).timestamp), timestamp);
      await rpc(url, 'evm_mine', [{ timestamp: hex(timestamp + 10n), blocks: 3 }]);
      assert.equal(BigInt((await head()).number), number + 5n);
    }));

  for (const prefix of ['anvil', 'hardhat']) {
    test(`${prefix}_mine with a count and an interval`, () =>
      onEach(async (url) => {
        const start = await head();
        await rpc(url, `${prefix}_mine`, ['0x5', '0x3c']);
        const end = await head();
        assert.equal(BigInt(end.number) - BigInt(start.number), 5n);
        for (let number = BigInt(start.number) + 2n; number <= BigInt(end.number); number += 1n) {
          const [block, parent] = await Promise.all(
            [number, number - 1n].map((at) => sameEverywhere('eth_getBlockByNumber', [hex(at), false])),
          );
          assert.equal(BigInt(block.timestamp) - BigInt(parent.timestamp), 60n);
          assert.equal(block.parentHash, parent.hash);
        }
        await rpc(url, `${prefix}_mine`);
        assert.equal(BigInt((await head()).number), BigInt(end.number) + 1n);
      }));
  }

  test('1,000 blocks at once, the same on every node', async () => {
    const number = BigInt((await head()).number);
    await rpc(urls.at(-1), 'anvil_mine', [hex(1000)]);
    assert.equal(BigInt((await head()).number), number + 1000n);
    await agree();
  });

  test('without automining transactions wait for evm_mine, in the pools of all nodes', () =>
    onEach(async (url, node) => {
      await rpc(url, 'evm_setAutomine', [false]);
      try {
        const hashes = [];
        for (let step = 0; step < 4; step += 1) hashes.push(await send(urls[(node + step) % urls.length]));
        await agree();
        assert.deepEqual(await sameEverywhere('txpool_status'), { pending: '0x4', queued: '0x0' });
        for (const hash of hashes) {
          const found = await sameEverywhere('eth_getTransactionByHash', [hash]);
          assert.equal(found.blockHash, null);
          assert.deepEqual(await sameEverywhere('eth_getTransactionReceipt', [hash]), null);
        }
        const mined = BigInt(await rpc(url, 'eth_getTransactionCount', [from, 'latest']));
        for (const pending of await everywhere('eth_getTransactionCount', [from, 'pending'])) assert.equal(BigInt(pending), mined + 4n);
        await rpc(other(node), 'evm_mine');
        assert.deepEqual((await head()).transactions, hashes);
        assert.deepEqual(await sameEverywhere('txpool_status'), { pending: '0x0', queued: '0x0' });
      } finally {
        await rpc(url, 'evm_setAutomine', [true]);
      }
    }));

  test('interval mining, and its end', async () => {
    const url = urls.at(-1);
    const start = BigInt((await head()).number);
    await rpc(url, 'evm_setIntervalMining', [1]);
    const filter = await rpc(urls[0], 'eth_newBlockFilter');
    let seen = 0;
    for (const deadline = Date.now() + 15_000; seen < 2 && Date.now() < deadline; ) seen += (await rpc(urls[0], 'eth_getFilterChanges', [filter])).length;
    assert.ok(seen >= 2, `${seen} blocks`);
    await restoreMining();
    assert.ok(BigInt((await head()).number) >= start + 2n);
    await agree();
  });
});

describe('cheats: snapshots', () => {
  test('a revert through another node brings back state, head and pool', () =>
    onEach(async (url, node) => {
      const address = freshAddress();
      await rpc(url, 'anvil_setBalance', [address, '0x1']);
      await rpc(url, 'evm_mine');
      const before = await head();
      const id = await rpc(url, 'evm_snapshot');
      const hash = await send(other(node));
      await receiptOf(other(node), hash);
      await rpc(other(node), 'anvil_setBalance', [address, '0x2']);
      await rpc(other(node), 'anvil_setCode', [address, '0x6001']);
      await rpc(other(node), 'evm_mine');
      assert.notEqual((await head()).hash, before.hash);
      assert.equal(await rpc(other(node), 'evm_revert', [id]), true);
      assert.equal((await head()).hash, before.hash);
      assert.equal(await sameEverywhere('eth_getBalance', [address, 'latest']), '0x1');
      assert.equal(await sameEverywhere('eth_getCode', [address, 'latest']), '0x');
      assert.equal(await sameEverywhere('eth_getTransactionReceipt', [hash]), null);
      assert.equal(await sameEverywhere('eth_getBlockByNumber', [hex(BigInt(before.number) + 1n), false]), null);
      assert.equal(await rpc(url, 'evm_revert', [id]), false, 'an id works once');
      await agree();
    }));

  test('an outer revert kills the inner snapshots', { skip: wrongInAnvil }, () =>
    onEach(async (url, node) => {
      const outer = await rpc(url, 'evm_snapshot');
      await rpc(url, 'evm_mine');
      const inner = await rpc(other(node), 'evm_snapshot');
      await rpc(url, 'evm_mine');
      assert.equal(await rpc(other(node), 'evm_revert', [outer]), true);
      const block = await head();
      assert.equal(await rpc(url, 'evm_revert', [inner]), false);
      assert.equal((await head()).hash, block.hash);
      assert.equal(await rpc(url, 'evm_revert', ['0xffffff']), false);
    }));

  test('100 snapshots nested, reverted in the middle', async () => {
    const address = freshAddress();
    const ids = [];
    for (let step = 0; step < 100; step += 1) {
      ids.push(await rpc(urls[step % urls.length], 'evm_snapshot'));
      await rpc(urls[(step + 1) % urls.length], 'anvil_setBalance', [address, hex(step + 1)]);
    }
    assert.equal(await rpc(urls[0], 'evm_revert', [ids[50]]), true);
    assert.equal(await sameEverywhere('eth_getBalance', [address, 'latest']), hex(50));
    await agree();
  });
});

describe('cheats: values that make no sense are refused with -32602', { skip: wrongInAnvil }, () => {
  const cases = [
    ['anvil_setBalance', ['0x123', '0x1']],
    ['anvil_setBalance', [from]],
    ['anvil_setBalance', [from, 'much']],
    ['anvil_setCode', [from, '0x123']],
    ['evm_revert', [{}]],
    ['evm_setAutomine', ['perhaps']],
    ['anvil_setStorageAt', [from, '0x0']],
    ['evm_increaseTime', []],
  ];
  for (const [method, params] of cases) {
    test(`${method} ${JSON.stringify(params)}`, () => onEach((url) => refused(rpc(url, method, params), -32602, /argument|invalid|missing/)));
  }
});

describe('the cluster: keys and values, status', { skip: pralineOnly }, () => {
  test('cluster_push on one node, cluster_get and cluster_info on each', () =>
    onEach(async (url, node) => {
      const key = `key ${node} ${Date.now()}`;
      const value = { list: [1, 'two', null], at: node };
      await rpc(url, 'cluster_push', [key, value]);
      assert.deepEqual((await everywhere('cluster_get', [key])).map((got) => got?.value ?? got), urls.map(() => value));
      for (const info of await everywhere('cluster_info')) {
        assert.deepEqual(Object.keys(info).filter((name) => ['index', 'term', 'hash', 'createdAt', 'committedIndex'].includes(name)).sort(), ['committedIndex', 'createdAt', 'hash', 'index', 'term']);
      }
    }));

  test('cluster_status on each node: one leader, by name, and itself', async () => {
    const reports = await everywhere('cluster_status');
    assert.equal(new Set(reports.map((report) => report.leader)).size, 1);
    assert.equal(new Set(reports.map((report) => report.node)).size, urls.length);
    assert.equal(reports.filter((report) => report.role.toLowerCase() === 'leader').length, 1);
    for (const report of reports) {
      assert.equal(report.members.length, urls.length);
      assert.ok(report.members.some((member) => member.name === report.node));
      assert.ok(report.members.every((member) => /^[0-9a-f]{64}$/.test(member.publicKey.replace(/^0x/, ''))), JSON.stringify(report.members));
      assert.ok(report.appliedIndex <= report.commitIndex && report.term >= 1);
      assert.match(report.head.hash, /^0x[0-9a-f]{64}$/);
    }
    const [leader] = await everywhere('cluster_leader');
    assert.equal(leader.name ?? leader, reports[0].leader);
  });

  test("GoQuorum's names", async () => {
    const roles = await everywhere('raft_role');
    assert.equal(roles.filter((role) => /minter|leader/i.test(role)).length, 1, JSON.stringify(roles));
    await sameEverywhere('raft_leader');
    for (const members of await everywhere('raft_cluster')) assert.equal(members.length, urls.length);
  });
});

describe('many senders at once', () => {
  test('unlocked sends without a nonce, on all nodes, same and different accounts: none lost, none doubled', { skip: wrongInAnvil }, async () => {
    const senders = accounts.slice(0, 5).map((account) => account.address);
    const before = await Promise.all(senders.map((sender) => rpc(urls[0], 'eth_getTransactionCount', [sender, 'latest'])));
    const to = freshAddress();
    const each = 24;
    const hashes = await Promise.all(
      senders.flatMap((sender) =>
        Array.from({ length: each }, (_, step) => send(urls[step % urls.length], { from: sender, to }).then(async (hash) => {
          assert.ok(await rpc(urls[step % urls.length], 'eth_getTransactionReceipt', [hash]), 'mined when it is answered');
          return hash;
        })),
      ),
    );
    assert.equal(new Set(hashes).size, senders.length * each);
    for (const [index, sender] of senders.entries()) {
      assert.equal(BigInt(await sameEverywhere('eth_getTransactionCount', [sender, 'latest'])), BigInt(before[index]) + BigInt(each));
    }
    assert.equal(BigInt(await sameEverywhere('eth_getBalance', [to, 'latest'])), BigInt(senders.length * each));
    await agree();
  });

  test('a read on another node, begun after the answer, sees the write', async () => {
    const to = freshAddress();
    for (let step = 1; step <= 60; step += 1) {
      const hash = await send(urls[step % urls.length], { to });
      const elsewhere = urls[(step + 1) % urls.length];
      await receiptOf(elsewhere, hash);
      assert.equal(await rpc(elsewhere, 'eth_getBalance', [to, 'latest']), hex(step));
    }
  });

  test('cheats and transactions mixed from all nodes end the same everywhere', async () => {
    const address = freshAddress();
    await Promise.all(
      Array.from({ length: 60 }, (_, step) => {
        const url = urls[step % urls.length];
        if (step % 5 === 0) return rpc(url, 'evm_mine');
        if (step % 5 === 1) return rpc(url, 'anvil_setStorageAt', [address, hex(step), word(step)]);
        if (step % 5 === 2) return rpc(url, 'evm_increaseTime', [1]);
        if (step % 5 === 3) return rpc(url, 'anvil_setBalance', [freshAddress(), hex(step)]);
        return send(url, { from: accounts[step % 7].address, to: freshAddress() }).catch((error) => {
          if (!wrongInAnvil) throw error;
        });
      }),
    );
    await rpc(urls[0], 'evm_mine');
    await agree();
  });
});

test('what a contract saw of its block is what the block says', () =>
  onEach(async (url, node) => {
    const created = await receiptOf(url, await rpc(url, 'eth_sendTransaction', [{ from, data: Environment.bytecode }]));
    const sent = await receiptOf(other(node), await rpc(other(node), 'eth_sendTransaction', [{ from, to: created.contractAddress, data: '0x266cf109' }]));
    const block = await sameEverywhere('eth_getBlockByHash', [sent.blockHash, false]);
    const slot = (index) => sameEverywhere('eth_getStorageAt', [created.contractAddress, hex(index), 'latest']);
    assert.equal(BigInt(await slot(0)), BigInt(block.number));
    assert.equal(BigInt(await slot(1)), BigInt(block.timestamp));
    assert.equal(await slot(5), block.mixHash);
  }));
