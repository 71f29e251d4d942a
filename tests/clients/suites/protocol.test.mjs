// JSON-RPC itself: envelopes, batches, error codes and words, HTTP, filters, sockets. Raw, because libraries hide it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { id } from 'ethers';
import WebSocket from 'ws';
import { Counter, Reverter } from '../lib/contracts.mjs';
import { accounts, event, onEach, post, receiptOf, refused, rpc, sameEverywhere, urls, webSocketUrls, wrongInAnvil } from '../lib/nodes.mjs';

const from = accounts[9].address;
const send = (url, fields) => rpc(url, 'eth_sendTransaction', [{ from, ...fields }]);
const ask = async (url, body) => JSON.parse((await post(url, typeof body === 'string' ? body : JSON.stringify(body))).text);

describe('protocol: envelopes', () => {
  test('ids come back as they were sent', () =>
    onEach(async (url) => {
      for (const id of [1, 'text', 0, 2 ** 40]) {
        assert.deepEqual(await ask(url, { jsonrpc: '2.0', id, method: 'eth_chainId', params: [] }), { jsonrpc: '2.0', id, result: '0x7a69' });
      }
      assert.equal((await ask(url, { jsonrpc: '2.0', id: 3, method: 'eth_chainId' })).result, '0x7a69');
    }));

  test('a batch keeps its order, an error in it stays its own', () =>
    onEach(async (url) => {
      const replies = await ask(url, [
        { jsonrpc: '2.0', id: 'a', method: 'eth_chainId', params: [] },
        { jsonrpc: '2.0', id: 'b', method: 'no_suchMethod', params: [] },
        { jsonrpc: '2.0', id: 'c', method: 'net_version', params: [] },
      ]);
      assert.deepEqual(replies.map((reply) => reply.id), ['a', 'b', 'c']);
      assert.deepEqual([replies[0].result, replies[1].error.code, replies[2].result], ['0x7a69', -32601, '31337']);
    }));

  test('errors of the envelope', { skip: wrongInAnvil }, () =>
    onEach(async (url) => {
      assert.equal((await ask(url, '{"jsonrpc":')).error.code, -32700);
      assert.equal((await ask(url, '[]')).error.code, -32600);
      assert.equal((await ask(url, '{"jsonrpc":"2.0","id":1}')).error.code, -32600);
      assert.equal((await ask(url, '"text"')).error.code, -32600);
    }));

  test('HTTP: a body without a content type, CORS, a preflight', () =>
    onEach(async (url) => {
      const preflight = await fetch(url, {
        method: 'OPTIONS',
        headers: { origin: 'http://example.com', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
      assert.ok(preflight.ok, `${preflight.status}`);
      assert.equal(preflight.headers.get('access-control-allow-origin'), '*');
      const body = '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}';
      const answer = await post(url, body, { 'content-type': 'application/json', origin: 'http://example.com' });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('access-control-allow-origin'), '*');
      if (!wrongInAnvil) assert.equal(JSON.parse((await post(url, body, {})).text).result, '0x7a69');
    }));
});

describe('protocol: errors', { skip: wrongInAnvil }, () => {
  const unknown = '0x00000000000000000000000000000000000000aa';
  const cases = [
    ['an unknown method', 'eth_fooBar', [], -32601, /^the method eth_fooBar does not exist\/is not available$/],
    ['a short address', 'eth_getBalance', ['0x123', 'latest'], -32602, /^invalid argument 0/],
    ['a missing parameter', 'eth_getBalance', [], -32602, /^missing value for required argument 0$/],
    ['a quantity that is none', 'eth_getBlockByNumber', ['much', false], -32602, /^invalid argument 0/],
    ['state of a block that is not there', 'eth_getBalance', [from, '0xffffff'], -32000, /header not found/],
    ['logs from a later to an earlier block', 'eth_getLogs', [{ fromBlock: '0x2', toBlock: '0x1' }], -32602, /invalid block range params/],
    ['a filter that is not there', 'eth_getFilterChanges', ['0xdeadbeef'], -32000, /filter not found/],
    ['an unknown sender', 'eth_sendTransaction', [{ from: unknown, to: unknown }], -32003, /unknown account/],
    ['a garbage transaction', 'eth_sendRawTransaction', ['0x1234'], -32602, /./],
    ['a subscription over HTTP', 'eth_subscribe', ['newHeads'], -32601, /notifications not supported/],
    ['too much gas', 'eth_sendTransaction', [{ from, to: unknown, gas: '0xfffffffff' }], -32003, /exceeds block gas limit/],
    ['too little gas', 'eth_sendTransaction', [{ from, to: unknown, gas: '0x5207' }], -32003, /intrinsic gas too low/],
    ['a fee below the base fee', 'eth_sendTransaction', [{ from, to: unknown, maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x1' }], -32003, /max fee per gas less than block base fee/],
    ['a tip above the fee', 'eth_sendTransaction', [{ from, to: unknown, maxFeePerGas: '0x77359400', maxPriorityFeePerGas: '0x77359401' }], -32003, /max priority fee per gas higher than max fee per gas/],
    ['more than the sender has', 'eth_sendTransaction', [{ from, to: unknown, value: '0xffffffffffffffffffffffff', gas: '0x5208' }], -32003, /insufficient funds for gas \* price \+ value/],
    ['an estimate of more than the sender has', 'eth_estimateGas', [{ from, to: unknown, value: '0xffffffffffffffffffffffff' }], -32000, /insufficient funds for transfer/],
    ['an unknown block to estimate at', 'eth_estimateGas', [{ from, to: unknown }, '0xffffff'], -32000, /header not found/],
  ];
  for (const [what, method, params, code, words] of cases) {
    test(`${what}: ${code}`, () => onEach((url) => refused(rpc(url, method, params), code, words)));
  }

  test('blocks of the future and unknown hashes are null', () =>
    onEach(async (url) => {
      const hash = `0x${'ab'.repeat(32)}`;
      for (const [method, params] of [
        ['eth_getBlockByNumber', ['0xffffff', false]],
        ['eth_getBlockByHash', [hash, true]],
        ['eth_getTransactionByHash', [hash]],
        ['eth_getTransactionReceipt', [hash]],
        ['eth_getTransactionByBlockNumberAndIndex', ['0x0', '0x0']],
      ]) {
        assert.equal(await rpc(url, method, params), null, method);
      }
    }));

  test('the same raw transaction again', async () => {
    const signed = await rpc(urls[0], 'eth_signTransaction', [
      { from, to: from, gas: '0x5208', gasPrice: '0x12a05f200', nonce: await rpc(urls[0], 'eth_getTransactionCount', [from, 'latest']), value: '0x1' },
    ]);
    const raw = signed.raw ?? signed;
    const hash = await rpc(urls.at(-1), 'eth_sendRawTransaction', [raw]);
    await receiptOf(urls[0], hash);
    await onEach((url) => refused(rpc(url, 'eth_sendRawTransaction', [raw]), -32003, /already known|nonce too low/));
  });

  test('reverts: code 3, words and data', async () => {
    const { contractAddress } = await receiptOf(urls[0], await send(urls[0], { data: Reverter.bytecode }));
    const call = (url, signature, method = 'eth_call') => {
      const argument = signature.endsWith('()') ? '' : '1'.padStart(64, '0');
      return rpc(url, method, [{ from, to: contractAddress, data: id(signature).slice(0, 10) + argument }]);
    };
    await onEach(async (url) => {
      for (const method of ['eth_call', 'eth_estimateGas']) {
        const reason = await refused(call(url, 'withReason()', method), 3, /^execution reverted: boom$/);
        assert.match(reason.data, /^0x08c379a0/);
        const custom = await refused(call(url, 'withCustomError()', method), 3, /^execution reverted$/);
        assert.equal(custom.data.slice(0, 10), id('Boom(uint256,string)').slice(0, 10));
        assert.equal((await refused(call(url, 'withNothing()', method), 3, /^execution reverted$/)).data, '0x');
        await refused(call(url, 'withOverflow(uint256)', method), 3, /^execution reverted: .*(overflow|0x11)/);
      }
      await refused(call(url, 'withInvalidOpcode()'), -32000, /^invalid opcode/);
      await refused(call(url, 'withoutEnd()'), -32000, /^out of gas/);
    });
  });
});

describe('protocol: filters', () => {
  test('block, pending transaction and log filters made on a node', () =>
    onEach(async (url, node) => {
      const other = urls[(node + 1) % urls.length];
      const { contractAddress: address } = await receiptOf(url, await send(url, { data: `${Counter.bytecode}${'0'.padStart(64, '0')}` }));
      const [blocks, pending, logs] = await Promise.all([
        rpc(url, 'eth_newBlockFilter'),
        rpc(url, 'eth_newPendingTransactionFilter'),
        rpc(url, 'eth_newFilter', [{ address }]),
      ]);
      const hash = await send(other, { to: address, data: '0xd09de08a' });
      const receipt = await receiptOf(url, hash);
      assert.deepEqual(await rpc(url, 'eth_getFilterChanges', [blocks]), [receipt.blockHash]);
      assert.deepEqual(await rpc(url, 'eth_getFilterChanges', [pending]), [hash]);
      const [log, ...more] = await rpc(url, 'eth_getFilterChanges', [logs]);
      assert.deepEqual([log.transactionHash, log.address, more.length], [hash, address, 0]);
      assert.deepEqual(await rpc(url, 'eth_getFilterChanges', [logs]), []);
      assert.equal((await rpc(url, 'eth_getFilterLogs', [logs])).length, 1);
      assert.equal(await rpc(url, 'eth_uninstallFilter', [logs]), true);
      assert.equal(await rpc(url, 'eth_uninstallFilter', [logs]), false);
    }));
});

describe('protocol: sockets', () => {
  /** One socket: requests with answers by id, and notifications by subscription. */
  async function open(url) {
    const socket = new WebSocket(url);
    const waiting = new Map();
    const heard = [];
    let onHeard = () => {};
    socket.on('message', (text) => {
      const message = JSON.parse(text);
      if (message.method === 'eth_subscription') {
        heard.push(message.params);
        onHeard();
      } else {
        waiting.get(message.id)(message);
      }
    });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    let lastId = 0;
    return {
      heard,
      close: () => socket.close(),
      ask: (method, params = []) =>
        new Promise((resolve) => {
          waiting.set((lastId += 1), resolve);
          socket.send(JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params }));
        }),
      async until(count) {
        const enough = event(`${count} notifications`);
        onHeard = () => heard.length >= count && enough.resolve();
        onHeard();
        await enough.promise;
      },
    };
  }

  test('every block is told in order, whichever node it was sent to, until the subscription ends', () =>
    onEach(async (_, node) => {
      const socket = await open(webSocketUrls[node]);
      try {
        const { result: subscription } = await socket.ask('eth_subscribe', ['newHeads']);
        assert.match(subscription, /^0x[0-9a-f]+$/);
        for (let step = 0; step < 9; step += 1) await rpc(urls[step % urls.length], 'evm_mine');
        await socket.until(9);
        for (const [step, { result, subscription: to }] of socket.heard.entries()) {
          assert.equal(to, subscription);
          const { transactions, uncles, withdrawals, size, totalDifficulty, ...header } = await sameEverywhere('eth_getBlockByHash', [result.hash, false]);
          if (step > 0) assert.equal(result.parentHash, socket.heard[step - 1].result.hash);
          for (const field of Object.keys(header)) if (field in result) assert.deepEqual(result[field], header[field], field);
          for (const field of ['number', 'hash', 'parentHash', 'stateRoot', 'timestamp', 'logsBloom', 'gasLimit', 'baseFeePerGas']) assert.ok(field in result, field);
        }
        assert.equal((await socket.ask('eth_unsubscribe', [subscription])).result, true);
        await rpc(urls[0], 'evm_mine');
        await socket.ask('eth_chainId');
        assert.equal(socket.heard.length, 9);
      } finally {
        socket.close();
      }
    }));

  test('logs are told once, and again as removed after evm_revert', { skip: wrongInAnvil }, () =>
    onEach(async (url, node) => {
      const { contractAddress: address } = await receiptOf(url, await send(url, { data: `${Counter.bytecode}${'0'.padStart(64, '0')}` }));
      const socket = await open(webSocketUrls[node]);
      try {
        await socket.ask('eth_subscribe', ['logs', { address }]);
        const id = await rpc(url, 'evm_snapshot');
        await send(urls.at(-1), { to: address, data: '0xd09de08a' });
        await socket.until(1);
        await rpc(urls[0], 'evm_revert', [id]);
        await socket.until(2);
        const [first, second] = socket.heard.map(({ result }) => result);
        assert.deepEqual([first.removed, second.removed, second.transactionHash], [false, true, first.transactionHash]);
      } finally {
        socket.close();
      }
    }));
});
