// Traces of a real ERC-20: equal to anvil's where anvil is right, the same on every node, and of the shapes that
// tools read.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accounts, pralineOnly, receiptOf, restoreMining, rpc, sameEverywhere, urls } from '../lib/nodes.mjs';
import { Token } from '../lib/contracts.mjs';
import { Program, foundry, freePorts } from '../lib/serve.mjs';

after(restoreMining);

const word = (value) => BigInt(value).toString(16).padStart(64, '0');
const owner = accounts[6].address.toLowerCase();
const friend = accounts[7].address.toLowerCase();
const coinbase = '0x00000000000000000000000000000000c01bba5e';
const supply = 10n ** 18n;

/** Deploys the token and transfers some of it; the same blocks wherever it is done. */
async function transfer(url) {
  const fees = { gasPrice: '0x77359400', gas: '0x1e8480' };
  await rpc(url, 'anvil_setCoinbase', [coinbase]);
  await rpc(url, 'anvil_setBalance', [coinbase, '0x1']);
  await rpc(url, 'anvil_setBalance', [owner, '0x56bc75e2d63100000']);
  await rpc(url, 'anvil_setNonce', [owner, '0x64']);
  const send = async (fields) => {
    await rpc(url, 'anvil_setNextBlockBaseFeePerGas', ['0x3b9aca00']);
    return receiptOf(url, await rpc(url, 'eth_sendTransaction', [{ from: owner, ...fees, ...fields }]));
  };
  const { contractAddress: token } = await send({ data: Token.bytecode + word(supply) });
  const { transactionHash: hash } = await send({ to: token, data: `0xa9059cbb${friend.slice(2).padStart(64, '0')}${word(5)}` });
  const { transactionHash: failed } = await send({ to: token, data: `0xa9059cbb${friend.slice(2).padStart(64, '0')}${word(supply)}` });
  return { token, hash, failed };
}

const tracers = {
  calls: { tracer: 'callTracer', tracerConfig: { withLog: true } },
  topCall: { tracer: 'callTracer', tracerConfig: { onlyTopCall: true } },
  prestate: { tracer: 'prestateTracer' },
  diff: { tracer: 'prestateTracer', tracerConfig: { diffMode: true } },
  fourBytes: { tracer: '4byteTracer' },
};

describe('traces of an ERC-20', { skip: pralineOnly }, () => {
  let anvil;
  let anvilUrl;
  let theirs;
  let ours;

  before(async () => {
    const port = await freePorts(1);
    anvil = new Program(foundry('anvil'), ['--port', String(port), '--hardfork', 'osaka', '--silent']);
    anvilUrl = `http://127.0.0.1:${port}`;
    for (;;) {
      const up = await rpc(anvilUrl, 'eth_chainId').catch(() => undefined);
      if (up) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    theirs = await transfer(anvilUrl);
    ours = await transfer(urls[0]);
    assert.equal(ours.token, theirs.token);
    assert.equal(ours.hash, theirs.hash, 'the same transactions');
  });
  after(() => anvil?.stop());

  for (const [name, options] of Object.entries(tracers)) {
    for (const which of ['hash', 'failed']) {
      test(`${name} of a transfer that ${which === 'hash' ? 'succeeds' : 'fails'} is anvil's`, async () => {
        const want = await rpc(anvilUrl, 'debug_traceTransaction', [theirs[which], options]);
        const got = await sameEverywhere('debug_traceTransaction', [ours[which], options]);
        if (options.tracer === 'callTracer') {
          // anvil leaves the intrinsic gas out of the top frame's gas; geth shows the gas limit.
          assert.equal(got.gas, '0x1e8480');
          got.gas = want.gas;
        }
        assert.deepEqual(got, want);
      });
    }
  }

  test('the shape of the frames', async () => {
    const frame = await sameEverywhere('debug_traceTransaction', [ours.hash, tracers.calls]);
    const receipt = await sameEverywhere('eth_getTransactionReceipt', [ours.hash]);
    assert.equal(frame.gasUsed, receipt.gasUsed);
    assert.equal(frame.output, `0x${word(1)}`);
    const [log] = frame.logs;
    assert.deepEqual([log.address, log.topics, log.data], [ours.token, receipt.logs[0].topics, `0x${word(5)}`]);
    const failed = await sameEverywhere('debug_traceTransaction', [ours.failed, tracers.calls]);
    assert.equal(failed.error, 'execution reverted');
    assert.equal(failed.logs, undefined);
  });

  test('parity traces of the same transfer', async () => {
    const frames = await sameEverywhere('trace_transaction', [ours.hash]);
    assert.equal(frames.length, 1);
    assert.equal(frames[0].action.to, ours.token);
    const want = await rpc(anvilUrl, 'trace_transaction', [theirs.hash]);
    assert.deepEqual(frames[0].action, want[0].action);
    assert.deepEqual(frames[0].result, want[0].result);
  });
});
