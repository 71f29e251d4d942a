// web3.js 4 against every node: contracts, sends, events, errors, signing, subscriptions.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Web3, WebSocketProvider } from 'web3';
import { Counter, Reverter, Token } from '../lib/contracts.mjs';
import { accounts, agree, event, urls, webSocketUrls, wrongInAnvil } from '../lib/nodes.mjs';

const from = accounts[5].address;
const webs = urls.map((url) => {
  const web3 = new Web3(url);
  web3.eth.accounts.wallet.add(accounts[5].privateKey);
  web3.eth.transactionPollingInterval = 25;
  return web3;
});
const next = (node) => webs[(node + 1) % webs.length];

async function readEverywhere(read, expected) {
  for (const [node, web3] of webs.entries()) assert.deepEqual(await read(web3), expected, `read on node ${node}`);
}

async function deploy(web3, contract, args = []) {
  const deployed = await new web3.eth.Contract(contract.abi).deploy({ data: contract.bytecode, arguments: args }).send({ from, gas: '2000000' });
  return deployed.options.address;
}

describe('web3: contracts and transactions', () => {
  for (const node of urls.keys()) {
    test(`deploy, send, call and events through node ${node}`, async () => {
      const web3 = webs[node];
      const address = await deploy(web3, Token, [1000]);
      const start = await web3.eth.getBlockNumber();
      const token = new web3.eth.Contract(Token.abi, address);
      const gas = await token.methods.transfer(accounts[6].address, 10).estimateGas({ from });
      const receipt = await token.methods.transfer(accounts[6].address, 10).send({ from, gas: `${gas}` });
      assert.equal(receipt.status, 1n);
      assert.equal(receipt.events.Transfer.returnValues.value, 10n);
      await readEverywhere((each) => new each.eth.Contract(Token.abi, address).methods.balanceOf(accounts[6].address).call(), 10n);
      await readEverywhere(async (each) => {
        const events = await new each.eth.Contract(Token.abi, address).getPastEvents('Transfer', { fromBlock: start + 1n, filter: { from } });
        return events.map((found) => found.returnValues.value);
      }, [10n]);
      await readEverywhere((each) => each.eth.getCode(address), Token.deployedBytecode);
      await agree();
    });

    test(`unlocked, legacy, access list and dynamic fee through node ${node}`, async () => {
      const unlocked = new Web3(urls[node]);
      unlocked.eth.transactionPollingInterval = 25;
      const to = accounts[6].address;
      const requests = [
        { value: '1' },
        { value: '1', type: '0x0', gasPrice: '3000000000' },
        { value: '1', type: '0x1', gasPrice: '3000000000', accessList: [{ address: to, storageKeys: [] }] },
        { value: '1', type: '0x2', maxFeePerGas: '5000000000', maxPriorityFeePerGas: '1000000000' },
      ];
      for (const web3 of [unlocked, webs[node]]) {
        for (const request of requests) {
          const receipt = await web3.eth.sendTransaction({ from, to, gas: '40000', ...request });
          assert.equal(receipt.status, 1n);
          if (request.type) assert.equal(receipt.type, BigInt(request.type));
          await readEverywhere(async (each) => (await each.eth.getTransaction(receipt.transactionHash)).blockHash, receipt.blockHash);
        }
      }
    });

    test(`reverts through node ${node}`, async () => {
      const web3 = webs[node];
      const reverter = new web3.eth.Contract(Reverter.abi, await deploy(web3, Reverter));
      const boom = await reverter.methods.withReason().call({ from }).then(() => assert.fail('must fail'), (error) => error);
      assert.match(`${boom.message} ${boom.cause?.message} ${boom.innerError?.message}`, /execution reverted: boom/);
      const custom = await reverter.methods.withCustomError().call({ from }).then(() => assert.fail('must fail'), (error) => error);
      assert.equal((custom.cause ?? custom).errorName, 'Boom');
      assert.deepEqual([(custom.cause ?? custom).errorArgs.code, (custom.cause ?? custom).errorArgs.text], [7n, 'seven']);
      const sent = await reverter.methods.withReason().send({ from, gas: '100000' }).then(() => assert.fail('must fail'), (error) => error);
      assert.equal(sent.receipt?.status ?? 0n, 0n);
    });

    test(`signing on node ${node}`, async () => {
      const unlocked = new Web3(urls[node]);
      const signature = await unlocked.eth.sign('0x68656c6c6f', from);
      assert.equal(unlocked.eth.accounts.recover('hello', signature), from);
      // geth's third parameter, a password, is always sent.
      if (!wrongInAnvil) assert.equal(await unlocked.eth.personal.sign('0x68656c6c6f', from, ''), signature);
      const nonce = await unlocked.eth.getTransactionCount(from);
      const signed = await unlocked.eth.signTransaction({
        from,
        to: accounts[6].address,
        value: '0x1',
        gas: '0x5208',
        gasPrice: '0xb2d05e00',
        nonce: unlocked.utils.toHex(nonce),
        chainId: '0x7a69',
      });
      const receipt = await next(node).eth.sendSignedTransaction(signed.raw ?? signed);
      assert.equal(receipt.from, from.toLowerCase());
    });
  }

  test('blocks, history and the identity of the chain', async () => {
    await readEverywhere((web3) => web3.eth.getChainId(), 31337n);
    await readEverywhere((web3) => web3.eth.net.isListening(), true);
    const genesis = await webs[0].eth.getBlock(0);
    await readEverywhere(async (web3) => (await web3.eth.getBlock('earliest')).hash, genesis.hash);
    assert.equal(await webs[0].eth.getBalance(from, 0), 10000n * 10n ** 18n);
  });
});

describe('web3: subscriptions over WebSocket', () => {
  const sockets = [];
  after(() => sockets.forEach((socket) => socket.disconnect()));

  for (const node of urls.keys()) {
    test(`newHeads, logs and newPendingTransactions on node ${node}`, async () => {
      const socket = new WebSocketProvider(webSocketUrls[node], {}, { autoReconnect: false });
      sockets.push(socket);
      const web3 = new Web3(socket);
      const address = await deploy(next(node), Counter, [0]);
      const [block, log, pending] = [event('block'), event('log'), event('pending transaction')];
      (await web3.eth.subscribe('newBlockHeaders')).on('data', block.resolve);
      (await web3.eth.subscribe('logs', { address })).on('data', log.resolve);
      (await web3.eth.subscribe('pendingTransactions')).on('data', pending.resolve);
      const counter = new (next(node).eth.Contract)(Counter.abi, address);
      const receipt = await counter.methods.setNumber(3).send({ from, gas: '100000' });
      assert.equal((await block.promise).number, receipt.blockNumber);
      assert.equal((await log.promise).transactionHash, receipt.transactionHash);
      assert.equal(await pending.promise, receipt.transactionHash);
      await web3.eth.clearSubscriptions();
    });
  }
});
