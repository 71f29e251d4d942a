// What users of ganache, anvil and Hardhat have complained about for years, as far as clients see it; each test names the
// thread. (Those about data that is lost are in `cluster/`, of the npm package in `npm/`.)

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import WebSocket from 'ws';
import {
  accounts,
  event,
  onEach,
  post,
  receiptOf,
  refused,
  restoreMining,
  rpc,
  sameEverywhere,
  urls,
  webSocketUrls,
  wrongInAnvil,
} from '../lib/nodes.mjs';
import { Token } from '../lib/contracts.mjs';

const [{ address: from }] = accounts;
const to = '0x0000000000000000000000000000000000071511';

/** A WebSocket with a subscription; `next()` waits for what comes. */
async function subscribe(url, ...params) {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const heard = [];
  const waiting = [];
  const subscription = event('eth_subscribe');
  socket.on('message', (text) => {
    const message = JSON.parse(text);
    if (message.id === 1) return subscription.resolve(message.result);
    const item = message.params.result;
    (waiting.shift()?.resolve ?? ((late) => heard.push(late)))(item);
  });
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params }));
  await subscription.promise;
  const next = () => {
    if (heard.length > 0) return Promise.resolve(heard.shift());
    const coming = event(`${params[0]} at ${url}`);
    waiting.push(coming);
    return coming.promise;
  };
  return { socket, next, close: () => socket.terminate() };
}

test('wish 23, ganache#169: eth_subscribe over HTTP is refused, and the server lives', async () => {
  await onEach(async (url) => {
    await refused(rpc(url, 'eth_subscribe', ['newHeads']), -32601, /./);
    const { text } = await post(
      url,
      JSON.stringify([
        { jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['logs'] },
        { jsonrpc: '2.0', id: 2, method: 'eth_chainId' },
      ]),
    );
    assert.deepEqual(
      JSON.parse(text).map(({ result, error }) => result ?? error.code),
      [-32601, '0x7a69'],
    );
  });
});

test('wish 23, foundry#6345, #7198: newHeads of a block are there when its transaction is answered, on every node', async () => {
  const heads = await Promise.all(webSocketUrls.map((url) => subscribe(url, 'newHeads')));
  try {
    await onEach(async (url) => {
      const { blockHash } = await receiptOf(url, await rpc(url, 'eth_sendTransaction', [{ from, to, value: '0x1' }]));
      const started = Date.now();
      for (const { next } of heads) assert.equal((await next()).hash, blockHash);
      assert.ok(Date.now() - started < 2000, `heard after ${Date.now() - started} ms`);
    });
  } finally {
    for (const { close } of heads) close();
  }
});

test('wish 23, ganache#210: a subscription stays awake when nothing happens, and misses no block when much does', async () => {
  const heads = await Promise.all(webSocketUrls.map((url) => subscribe(url, 'newHeads')));
  try {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    const first = Number(await rpc(urls[0], 'eth_blockNumber')) + 1;
    await rpc(urls.at(-1), 'anvil_mine', ['0xc8']);
    for (const { next } of heads) {
      let parent;
      for (let number = first; number < first + 200; number += 1) {
        const head = await next();
        assert.equal(Number(head.number), number);
        if (parent) assert.equal(head.parentHash, parent);
        parent = head.hash;
      }
    }
  } finally {
    for (const { close } of heads) close();
  }
});

test('wish 23: one who subscribes again and again does not wear the server out', async () => {
  await onEach(async (_, node) => {
    for (let round = 0; round < 50; round += 1) {
      const { close } = await subscribe(webSocketUrls[node], 'newHeads');
      close();
    }
    const { next, close } = await subscribe(webSocketUrls[node], 'newHeads');
    await rpc(urls[0], 'evm_mine');
    assert.match((await next()).hash, /^0x/);
    close();
  });
});

test(
  'wish 24, hardhat#4761, edr#1027, edr#392, hardhat#7302: the methods that were missing',
  { skip: wrongInAnvil },
  async () => {
    try {
      await rpc(urls[0], 'evm_setAutomine', [false]);
      const created = await rpc(urls[0], 'eth_sendTransaction', [
        { from, data: `${Token.bytecode}${'3e8'.padStart(64, '0')}`, gas: '0x200000' },
      ]);
      const sent = await rpc(urls[0], 'eth_sendTransaction', [{ from, to, value: '0x1' }]);
      await rpc(urls[0], 'evm_mine');
      const receipts = await Promise.all([created, sent].map((hash) => rpc(urls[0], 'eth_getTransactionReceipt', [hash])));
      const [{ blockHash, contractAddress }] = receipts;
      assert.deepEqual(await sameEverywhere('eth_getBlockReceipts', [blockHash]), receipts);

      const balanceOf = { to: contractAddress, data: `0x70a08231${from.slice(2).toLowerCase().padStart(64, '0')}` };
      const transfer = {
        from,
        to: contractAddress,
        data: `0xa9059cbb${to.slice(2).padStart(64, '0')}${'7'.padStart(64, '0')}`,
      };
      const blockStateCalls = [{ calls: [transfer, balanceOf] }];
      const [simulated] = await sameEverywhere('eth_simulateV1', [
        { blockStateCalls, traceTransfers: true, validation: false },
        blockHash,
      ]);
      assert.deepEqual(
        simulated.calls.map(({ status }) => status),
        ['0x1', '0x1'],
      );
      assert.equal(BigInt(simulated.calls[1].returnData), 993n);
      assert.equal(BigInt(await rpc(urls[0], 'eth_call', [balanceOf])), 1000n, 'nothing has changed');

      const trace = await sameEverywhere('debug_traceTransaction', [created, { tracer: 'callTracer' }]);
      assert.deepEqual([trace.type, trace.to], ['CREATE', contractAddress]);
      const call = await sameEverywhere('debug_traceCall', [
        transfer,
        'latest',
        { tracer: 'callTracer', tracerConfig: { withLog: true } },
      ]);
      assert.equal(call.logs.length, 1);
    } finally {
      await restoreMining();
    }
  },
);
