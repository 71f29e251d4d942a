// `provider(options)`: EIP-1193, ganache's older calls, events, and real clients on top.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { api, project, quiet } from './project.mjs';

const provider = api.provider({ ...quiet, chain: { errors: 'geth' }, wallet: { deterministic: true } });
const connected = once(provider, 'connect');
after(() => provider.disconnect());
// A provider that is not asked anything keeps no program from ending; who waits for events does that himself.
const held = setInterval(() => {}, 1_000);
after(() => clearInterval(held));
const [account, other] = Object.keys(provider.getInitialAccounts());

const load = (name) => import(pathToFileURL(createRequire(join(project, 'package.json')).resolve(name)));

test('`request` answers results and throws the node’s errors', async () => {
  assert.equal(await provider.request({ method: 'eth_chainId' }), '0x539');
  assert.deepEqual(await connected, [{ chainId: '0x539' }]);
  const error = await provider.request({ method: 'eth_nope' }).catch((thrown) => thrown);
  assert.ok(error instanceof api.ProviderRpcError);
  assert.deepEqual([error.code, error.name], [-32601, 'ProviderRpcError']);
  const call = { from: account, data: '0x6462696e676f6000526005601bfd' }; // reverts with the bytes of "bingo"
  const reverted = await provider.request({ method: 'eth_estimateGas', params: [call] }).catch((thrown) => thrown);
  assert.equal(reverted.code, 3);
  assert.equal(reverted.data, '0x62696e676f');
  await assert.rejects(provider.request('eth_chainId'), /takes \{method, params\}/);
});

test('`send` and `sendAsync` in all their forms', async () => {
  assert.equal(await provider.send('net_version'), '1337');
  assert.equal(await provider.send('eth_getTransactionCount', [other, 'latest']), '0x0');
  const call = (way, payload) =>
    new Promise((resolve) => provider[way](payload, (error, response) => resolve({ error, response })));
  for (const way of ['send', 'sendAsync']) {
    assert.deepEqual(await call(way, { id: 9, jsonrpc: '2.0', method: 'eth_chainId', params: [] }), {
      error: null,
      response: { id: 9, jsonrpc: '2.0', result: '0x539' },
    });
    const failed = await call(way, { id: 'a', method: 'eth_nope' });
    assert.equal(failed.error.code, -32601);
    assert.deepEqual([failed.response.id, failed.response.error.code], ['a', -32601]);
    const batch = await call(way, [
      { id: 1, method: 'net_version' },
      { id: 2, method: 'eth_nope' },
    ]);
    assert.equal(batch.error, null);
    assert.deepEqual(
      batch.response.map(({ id, result }) => [id, result]),
      [
        [1, '1337'],
        [2, undefined],
      ],
    );
  }
});

test('subscriptions arrive as `message` and as `data`', async () => {
  const id = await provider.request({ method: 'eth_subscribe', params: ['newHeads'] });
  const [message, data] = [once(provider, 'message'), once(provider, 'data')];
  await provider.request({ method: 'evm_mine' });
  const [[{ type, data: inner }], [notification]] = [await message, await data];
  assert.deepEqual([type, inner.subscription], ['eth_subscription', id]);
  assert.deepEqual([notification.method, notification.params], ['eth_subscription', inner]);
  assert.equal(await provider.request({ method: 'eth_unsubscribe', params: [id] }), true);
});

test('ethers and viem work through it', async () => {
  const { BrowserProvider, parseEther } = await load('ethers');
  const signer = await new BrowserProvider(provider).getSigner(account);
  const receipt = await (await signer.sendTransaction({ to: other, value: parseEther('1') })).wait();
  assert.equal(receipt.status, 1);
  const { createPublicClient, custom } = await load('viem');
  const client = createPublicClient({ transport: custom(provider) });
  assert.equal(await client.getBalance({ address: other }), 1001n * 10n ** 18n);
  assert.equal((await client.getTransactionReceipt({ hash: receipt.hash })).status, 'success');
});

test('after `disconnect` requests are refused, and so is what was under way', async () => {
  const made = api.provider(quiet);
  await made.request({ method: 'eth_chainId' });
  const said = once(made, 'disconnect');
  await made.disconnect();
  assert.equal((await said)[0].code, 4900);
  const error = await made.request({ method: 'eth_chainId' }).catch((thrown) => thrown);
  assert.equal(error.code, 4900);
});

test('a node that cannot start says why', async () => {
  const made = api.provider({ ...quiet, chain: { hardfork: 'napoleon' } });
  await assert.rejects(made.request({ method: 'eth_chainId' }), /praline cannot start: .*napoleon/);
  assert.throws(() => made.getInitialAccounts(), /has not started/);
});
