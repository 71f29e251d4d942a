// `server(options)`: ganache's server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { api, freePort, isListening, project, quiet, rpc, silence } from './project.mjs';

const { server, ServerStatus, OptionError } = api;

test('listens, answers, tells where and in what state it is, and closes', async () => {
  const made = server(quiet);
  const heard = [];
  made.on('open', () => heard.push('open')).on('close', () => heard.push('close'));
  assert.deepEqual([made.status, made.address()], [ServerStatus.ready, undefined]);
  await made.listen(0);
  const { address, family, port } = made.address();
  assert.deepEqual([address, family, made.status], ['127.0.0.1', 'IPv4', ServerStatus.open]);
  // ganache's defaults: chain 1337, ten accounts of 1000 ether, of a new phrase each time.
  assert.equal(await rpc(`http://127.0.0.1:${port}`, 'eth_chainId'), '0x539');
  const accounts = await made.provider.request({ method: 'eth_accounts' });
  assert.equal(accounts.length, 10);
  assert.notEqual(accounts[0], '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
  assert.equal(BigInt(await rpc(`http://127.0.0.1:${port}`, 'eth_getBalance', [accounts[0], 'latest'])), 10n ** 21n);
  await assert.rejects(made.listen(0), /listens already/);
  await made.close();
  await made.close();
  assert.deepEqual([made.status, made.address(), heard], [ServerStatus.closed, undefined, ['open', 'close']]);
  assert.equal(await isListening(port), false);
});

test('takes a host and a callback, and tells a callback what is wrong', async () => {
  const port = await freePort();
  const [first, second] = [server(quiet), server(quiet)];
  assert.equal(await new Promise((resolve) => first.listen(port, '127.0.0.1', resolve)), null);
  assert.equal(first.address().port, port);
  const error = await new Promise((resolve) => second.listen(port, resolve));
  assert.match(error.message, /already in use/i);
  assert.equal(second.status, ServerStatus.closed);
  await assert.rejects(server(quiet).listen(70_000), /70000/);
  await first.close();
});

test('its provider works before `listen`, on the same chain', async () => {
  const made = server(quiet);
  const heads = [];
  made.provider.on('message', ({ data }) => heads.push(data.result.number));
  await made.provider.request({ method: 'eth_subscribe', params: ['newHeads'] });
  await made.provider.request({ method: 'evm_mine' });
  const port = await freePort();
  await made.listen(port);
  assert.equal(made.address().port, port);
  assert.equal(await rpc(`http://127.0.0.1:${port}`, 'eth_blockNumber'), '0x1');
  const { provider } = api;
  await rpc(`http://127.0.0.1:${port}`, 'evm_mine');
  while (heads.length < 2) await once(made.provider, 'message');
  assert.deepEqual(heads, ['0x1', '0x2']);
  assert.equal(typeof provider, 'function');
  await made.close();
  await silence(port);
});

test('the request log goes to the logger, and nowhere if it is to be quiet', async () => {
  const lines = [];
  const made = server({ logging: { logger: { log: (line) => lines.push(line) } } });
  await made.listen(0);
  await made.provider.request({ method: 'net_version' });
  await made.close();
  assert.ok(lines.includes('net_version'), lines.join('\n'));
  assert.ok(!lines.some((line) => line.includes('Private Keys')));
});

/** Starts a server, lets `look` see it, and closes it. */
async function withServer(options, look) {
  const made = server({ ...quiet, ...options });
  await made.listen(0);
  try {
    await look((method, ...params) => made.provider.request({ method, params }), made);
  } finally {
    await made.close();
  }
}

test('options of the chain and the miner have their effect', async () => {
  const options = {
    chain: {
      chainId: 4242,
      networkId: 77,
      hardfork: 'shanghai',
      time: new Date('2030-01-02T03:04:05Z'),
      allowUnlimitedContractSize: true,
    },
    miner: {
      blockTime: 0.05,
      blockGasLimit: '0x1000000',
      coinbase: '0x00000000000000000000000000000000000000cb',
      extraData: '0x70',
    },
  };
  await withServer(options, async (ask, { provider }) => {
    assert.equal(await ask('eth_chainId'), '0x1092');
    assert.equal(await ask('net_version'), '77');
    const genesis = await ask('eth_getBlockByNumber', '0x0', false);
    assert.equal(Number(genesis.timestamp), Date.UTC(2030, 0, 2, 3, 4, 5) / 1000);
    assert.equal(genesis.gasLimit, '0x1000000');
    assert.equal(genesis.blobGasUsed, undefined, 'Shanghai has no blobs');
    await provider.send('eth_subscribe', ['newHeads']);
    const [{ data }] = await once(provider, 'message');
    assert.equal(data.result.miner, '0x00000000000000000000000000000000000000cb');
  });
});

test('the other options of the miner, and errors as ganache has them', async () => {
  const options = {
    chain: { vmErrorsOnRPCResponse: false },
    miner: {
      instamine: 'strict',
      timestampIncrement: 5,
      defaultGasPrice: 3_000_000_000n,
      defaultTransactionGasLimit: 90_000,
      callGasLimit: '0x5f5e100',
      priceBump: 50,
    },
  };
  await withServer(options, async (ask, { provider }) => {
    const [from] = await ask('eth_accounts');
    const heads = [];
    provider.on('message', ({ data }) => heads.push(data.result));
    await ask('eth_subscribe', 'newHeads');
    // As in ganache, the default is that of transactions that have a gas price.
    const hash = await ask('eth_sendTransaction', { from, to: from, type: '0x0' });
    const { gasPrice, gas } = await ask('eth_getTransactionByHash', hash);
    assert.deepEqual([BigInt(gasPrice), Number(gas)], [3_000_000_000n, 90_000]);
    while (heads.length < 1) await once(provider, 'message');
    const [before] = [await ask('eth_getBlockByNumber', '0x0', false)];
    assert.equal(Number(heads[0].timestamp) - Number(before.timestamp), 5);
    const error = await ask('eth_nope').catch((thrown) => thrown);
    assert.deepEqual([error.code, error.message], [-32700, 'The method eth_nope does not exist/is not available']);
  });
  await withServer({ chain: { errors: 'geth' } }, async (ask) =>
    assert.equal((await ask('eth_nope').catch((thrown) => thrown)).code, -32601),
  );
});

test('options of the wallet have their effect', async () => {
  await withServer({ wallet: { deterministic: true, totalAccounts: 2, defaultBalance: 5 } }, async (ask, { provider }) => {
    const accounts = await ask('eth_accounts');
    assert.deepEqual(accounts, ['0x90f8bf6a479f320ead074411a4b0e7944ea8c9c1', '0xffcf8fdee72ac11b5c542428b35eef5769c409f0']);
    const initial = provider.getInitialAccounts();
    assert.deepEqual(initial[accounts[0]], {
      unlocked: true,
      secretKey: '0x4f3edf983ac636a65a842ce7c78d9aa706d3b113bce9c46f30d7d21715b23b1d',
      balance: 5n * 10n ** 18n,
    });
    assert.equal(provider.getOptions().wallet.totalAccounts, 2);
    assert.equal(provider.getOptions().chain.chainId, 1337);
  });
  const secretKey = `0x${'11'.repeat(32)}`;
  const stranger = '0x00000000000000000000000000000000000057a9';
  const accountKeysPath = join(project, 'keys.json');
  const wallet = { accounts: [{ secretKey, balance: '0xde0b6b3a7640001' }], unlockedAccounts: [stranger], accountKeysPath };
  await withServer({ wallet }, async (ask) => {
    const [account, ...others] = await ask('eth_accounts');
    assert.equal(account, '0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a');
    assert.ok(
      others.every((other) => other === stranger),
      'those of a phrase are left out',
    );
    assert.equal(BigInt(await ask('eth_getBalance', account, 'latest')), 10n ** 18n + 1n);
    assert.equal(JSON.parse(readFileSync(accountKeysPath, 'utf8')).private_keys[account], secretKey);
    await ask('eth_sendTransaction', { from: account, to: stranger, value: '0xb1a2bc2ec50000' });
    await ask('eth_sendTransaction', { from: stranger, to: account, value: '0x1' });
  });
});

test('a seed gives ganache’s accounts', async () => {
  await withServer({ wallet: { seed: 'praline', totalAccounts: 1 } }, async (ask) => {
    const [account] = await ask('eth_accounts');
    await withServer({ seed: 'praline', total_accounts: 1 }, async (again) =>
      assert.deepEqual(await again('eth_accounts'), [account]),
    );
  });
  await assert.rejects(api.cluster({ wallet: { seed: 'praline' } }), /give a cluster `wallet\.mnemonic`/);
});

test('old flat names still work', async () => {
  await withServer(
    {
      total_accounts: 1,
      mnemonic: 'test test test test test test test test test test test junk',
      network_id: 5,
      default_balance_ether: 7,
    },
    async (ask) => {
      assert.deepEqual(await ask('eth_accounts'), ['0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266']);
      assert.equal(await ask('net_version'), '5');
    },
  );
});

test('options that are not known, wrong or impossible are refused with a sentence', () => {
  for (const [options, words] of [
    [{ chian: {} }, /`chian`: is not known\. There are the groups chain, database/],
    [{ chain: { chainID: 1 } }, /`chain\.chainID`: is not known\. `chain` has chainId/],
    [{ chain: { chainId: 'x1' } }, /x1/],
    [{ chain: { chainId: -1 } }, /`chain\.chainId`: -1 is not a whole number/],
    [{ fork: { url: 'http://localhost' } }, /cannot fork/],
    [{ database: { db: {} } }, /database\.dbPath/],
    [{ wallet: { lock: true } }, /always unlocked/],
    [{ miner: { instamine: 'never' } }, /`miner\.instamine`: "never" is none of "eager", "strict"/],
    [{ wallet: { accounts: [{ balance: 1 }] } }, /number 0 has no `secretKey`/],
    [{ chainId: 1, chain: { chainId: 2 } }, /given twice/],
    [{ nodes: 3 }, /cluster\(options\)/],
  ]) {
    assert.throws(() => server(options), words);
  }
  assert.throws(() => server({ miner: { blockTime: 'soon' } }), OptionError);
});

test('a chain in `database.dbPath` survives, with its accounts (wish 11: ganache went back in time)', async () => {
  for (const wallet of [{ deterministic: true }, {}]) {
    const options = { database: { dbPath: join(project, `kept-${JSON.stringify(wallet).length}`) }, wallet };
    let before;
    const everything = async (ask) => [await ask('eth_getBlockByNumber', 'latest', false), await ask('eth_accounts')];
    await withServer(options, async (ask) => {
      await ask('evm_mine');
      before = await everything(ask);
    });
    await withServer(options, async (ask) => assert.deepEqual(await everything(ask), before));
  }
});
