// The table of errors: what a node answers, and what ethers, viem and web3 make of it, with how many requests.
//
// The cases stand in ../data/errors.json. `data` is a signature, whose call it becomes; `message`, `data` and `result`
// are patterns of the answer; `ethers`, `viem` and `web3` say which error that library throws. $NAMES are filled in.
// `waiting`: a transaction with $NONCE waits unmined, whose bytes are $RAW. `impersonate`: $POOR may send.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Contract, Interface, JsonRpcProvider, Wallet } from 'ethers';
import * as viem from 'viem';
import { foundry } from 'viem/chains';
import { Web3 } from 'web3';
import { Reverter } from '../lib/contracts.mjs';
import { accounts, agree, post, receiptOf, restoreMining, rpc, urls, wrongInAnvil } from '../lib/nodes.mjs';

const cases = JSON.parse(readFileSync(new URL('../data/errors.json', import.meta.url), 'utf8'));
const reverter = new Interface(Reverter.abi);
const from = accounts[7].address;
const poor = '0x000000000000000000000000000000000000ba5e';
const sends = ['eth_sendTransaction', 'eth_sendRawTransaction', 'wallet_sendTransaction'];

/** A way to a node that counts the calls it carries. */
async function counting(url) {
  const seen = [];
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    for (const call of [JSON.parse(body)].flat()) seen.push(call.method);
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    seen,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

const thrown = (promise) =>
  promise.then(
    (value) => assert.fail(`expected an error, got ${viem.stringify(value)}`),
    (error) => error,
  );

/** An error and all that it was made from. */
function* causes(error) {
  for (let cause = error; cause; cause = cause.cause ?? cause.innerError ?? cause.error) yield cause;
}

const clients = {
  ethers: {
    async provoke(way, { contract, args, method, params }) {
      const provider = new JsonRpcProvider(way.url, undefined, { staticNetwork: true, batchMaxCount: 1 });
      provider.pollingInterval = 20;
      try {
        if (contract) return await thrown(new Contract(params[0].to, Reverter.abi, provider)[contract].staticCall(...args));
        if (method === 'eth_sendTransaction') {
          const { gas, ...request } = params[0];
          return await thrown((await provider.getSigner(request.from)).sendTransaction({ ...request, gasLimit: gas }));
        }
        if (method === 'eth_sendRawTransaction') return await thrown(provider.broadcastTransaction(params[0]));
        return await thrown(provider.send(method, params));
      } finally {
        provider.destroy();
      }
    },
    check(error, wanted) {
      assert.equal(error.code, wanted.code, error.message);
      if (wanted.reason) assert.equal(error.reason, wanted.reason);
      if (wanted.custom) assert.equal(reverter.parseError(error.data).name, wanted.custom);
    },
  },
  viem: {
    provoke(way, { contract, args, method, params }) {
      const transport = viem.http(way.url, { retryDelay: 1 });
      const client = viem.createWalletClient({ chain: foundry, transport }).extend(viem.publicActions);
      if (contract) {
        return thrown(client.simulateContract({ address: params[0].to, abi: Reverter.abi, functionName: contract, args: args.map(BigInt) }));
      }
      if (method === 'eth_sendTransaction') {
        const { from: account, to, ...fields } = params[0];
        const numbers = Object.entries(fields).map(([name, value]) => [name, name === 'nonce' ? Number(value) : BigInt(value)]);
        return thrown(client.sendTransaction({ account, to, ...Object.fromEntries(numbers) }));
      }
      if (method === 'eth_sendRawTransaction') return thrown(client.sendRawTransaction({ serializedTransaction: params[0] }));
      return thrown(client.request({ method, params }));
    },
    check(error, wanted) {
      const found = [...causes(error)].find((cause) => cause.name === wanted.error);
      assert.ok(found, `${[...causes(error)].map((cause) => cause.name)} instead of ${wanted.error}: ${error.message}`);
      if (wanted.reason) assert.equal(found.reason, wanted.reason);
      if (wanted.name) assert.equal(found.data.errorName, wanted.name);
    },
  },
  web3: {
    provoke(way, { contract, args, params }) {
      const web3 = new Web3(way.url);
      if (contract) return thrown(new web3.eth.Contract(Reverter.abi, params[0].to).methods[contract](...args).call({ from }));
      return thrown(web3.eth.sendTransaction(params[0]));
    },
    check(error, wanted) {
      assert.equal(error.name, wanted.error, error.message);
      const all = [...causes(error)];
      if (wanted.inner) assert.ok(all.some((cause) => cause.message.includes(wanted.inner)), error.message);
      if (wanted.custom) assert.ok(all.some((cause) => cause.errorName === wanted.custom), error.message);
    },
  },
};

describe('errors: the table', { skip: wrongInAnvil }, () => {
  const names = {};
  before(async () => {
    const [hash] = [await rpc(urls[0], 'eth_sendTransaction', [{ from, data: Reverter.bytecode, gas: '0x1e8480' }])];
    names.$REVERTER = (await receiptOf(urls[0], hash)).contractAddress;
    Object.assign(names, { $FROM: from, $POOR: poor });
  });
  after(async () => {
    await restoreMining();
    await agree();
  });

  /** A value with its names filled in, and its calls encoded. */
  function filled(value) {
    if (typeof value === 'string') return names[value] ?? value;
    if (Array.isArray(value)) return value.map(filled);
    if (value === null || typeof value !== 'object') return value;
    const { arguments: args = [], ...rest } = value;
    const members = Object.entries(rest).map(([name, member]) => [name, filled(member)]);
    const object = Object.fromEntries(members);
    if (object.data?.includes('(')) object.data = reverter.encodeFunctionData(object.data.split('(')[0], args);
    return object;
  }

  async function prepare(url, row) {
    const nonce = Number(await rpc(url, 'eth_getTransactionCount', [from, 'latest']));
    Object.assign(names, { $NONCE: `0x${nonce.toString(16)}`, $LOW: `0x${(nonce - 1).toString(16)}`, $GAP: `0x${(nonce + 3).toString(16)}` });
    if (row.impersonate) await rpc(url, 'anvil_impersonateAccount', [poor]);
    if (row.waiting) {
      await rpc(url, 'evm_setAutomine', [false]);
      const wallet = new Wallet(accounts[7].privateKey);
      names.$RAW = await wallet.signTransaction({ to: poor, nonce, gasLimit: 21_000, gasPrice: 100_000_000_000, chainId: 31337 });
      await rpc(url, 'eth_sendRawTransaction', [names.$RAW]);
    }
  }

  async function tidy(url, row) {
    if (row.impersonate) await rpc(url, 'anvil_stopImpersonatingAccount', [poor]);
    if (row.waiting) {
      await rpc(url, 'anvil_dropAllTransactions');
      await rpc(url, 'evm_setAutomine', [true]);
    }
    for (const [method, params] of row.after ?? []) await rpc(url, method, params);
  }

  async function raw(url, row) {
    const body = row.body ?? JSON.stringify({ jsonrpc: '2.0', id: 1, method: row.method, params: filled(row.params) });
    const { status, text } = await post(url, body);
    assert.equal(status, 200);
    const { error, result } = JSON.parse(text);
    if (row.result) {
      assert.match(`${result}`, new RegExp(row.result), text);
      if (row.status) assert.equal((await receiptOf(url, result)).status, row.status);
      return;
    }
    assert.equal(error?.code, row.code, text);
    assert.match(error.message, new RegExp(row.message));
    assert.doesNotMatch(error.message, /[^\x20-\x7e]/, 'nothing unprintable');
    if (row.data) assert.match(error.data, new RegExp(row.data));
    else assert.equal(error.data, undefined);
  }

  for (const [node, url] of urls.entries()) {
    for (const row of cases) {
      test(`${row.case}, on node ${node}`, async () => {
        await prepare(url, row);
        try {
          await raw(url, row);
        } finally {
          await tidy(url, row);
        }
      });
      for (const [library, client] of Object.entries(clients).filter(([name]) => row[name])) {
        test(`${row.case}, through ${library} on node ${node}`, async () => {
          await prepare(url, row);
          const way = await counting(url);
          try {
            const asked = { ...row, args: row.arguments ?? [], params: filled(row.params) };
            client.check(await client.provoke(way, asked), row[library]);
            // No library asks again for what fails again.
            const counted = row.contract ? ['eth_call'] : [...sends, row.method];
            const requests = way.seen.filter((method) => counted.includes(method));
            assert.ok(requests.length <= 1, `${library} sent ${requests}`);
          } finally {
            way.close();
            await tidy(url, row);
          }
        });
      }
    }
  }
});
