// The nodes under test and the smallest JSON-RPC client that can talk to them.
//
// PRALINE_URLS: comma-separated HTTP addresses of the nodes of one cluster (one address: a single node).
// PRALINE_AGAINST: "praline" (default) or "anvil"; suites leave out what anvil 1.7.1 is known to do wrong.

import assert from 'node:assert/strict';

export const urls = (process.env.PRALINE_URLS ?? 'http://127.0.0.1:8545').split(',').map((url) => url.trim());
export const webSocketUrls = urls.map((url) => url.replace(/^http/, 'ws'));
export const against = process.env.PRALINE_AGAINST ?? 'praline';

/** For the `skip` option of a test: what anvil does wrong is asked of Praline alone. */
export const wrongInAnvil = against === 'anvil' ? 'anvil 1.7.1 is wrong here' : false;
/** For the `skip` option of a test: what only a cluster has. */
export const pralineOnly = against === 'anvil' ? 'only Praline has this' : false;

/** The accounts of the mnemonic `test test test test test test test test test test test junk`. */
export const accounts = [
  ['0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266', '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'],
  ['0x70997970C51812dc3A010C7d01b50e0d17dc79C8', '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'],
  ['0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC', '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a'],
  ['0x90F79bf6EB2c4f870365E785982E1f101E93b906', '0x7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6'],
  ['0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65', '0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a'],
  ['0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc', '0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba'],
  ['0x976EA74026E726554dB657fA54763abd0C3a0aa9', '0x92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e'],
  ['0x14dC79964da2C08b23698B3D3cc7Ca32193d9955', '0x4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356'],
  ['0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f', '0xdbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97'],
  ['0xa0Ee7A142d267C1f36714E4a8F75612F20a79720', '0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6'],
].map(([address, privateKey]) => ({ address, privateKey }));

export class RpcError extends Error {
  constructor(method, error) {
    super(`${method}: ${error.code} ${error.message}`);
    this.code = error.code;
    this.reply = error.message;
    this.data = error.data;
  }
}

/** Posts a text as it is; answers the HTTP status and the body. */
export async function post(url, body, headers = { 'content-type': 'application/json' }) {
  const response = await fetch(url, { method: 'POST', headers, body });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

let lastId = 0;
export async function rpc(url, method, params = []) {
  const { text } = await post(url, JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method, params }));
  const reply = JSON.parse(text);
  if (reply.error) throw new RpcError(method, reply.error);
  return reply.result;
}

/** Asks every node the same at once. */
export const everywhere = (method, params = []) => Promise.all(urls.map((url) => rpc(url, method, params)));

/** Asserts that every node gives the same answer, and gives it. */
export async function sameEverywhere(method, params = []) {
  const answers = await everywhere(method, params);
  for (const [node, answer] of answers.entries()) {
    assert.deepEqual(answer, answers[0], `${method} ${JSON.stringify(params)}: node ${node} differs from node 0`);
  }
  return answers[0];
}

/** Asserts that all nodes show the same chain: head with its roots, pool, and what the clock will say next. */
export async function agree() {
  const head = await sameEverywhere('eth_getBlockByNumber', ['latest', true]);
  await sameEverywhere('txpool_content');
  await sameEverywhere('txpool_status');
  return head;
}

/** The receipt of a transaction, which an automining Praline has at once and anvil soon. */
export async function receiptOf(url, hash) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; ) {
    const receipt = await rpc(url, 'eth_getTransactionReceipt', [hash]);
    if (receipt) return receipt;
    // anvil answers before the block is there, also where it is only compared with.
    const isAnvil = against === 'anvil' || !urls.includes(url);
    assert.ok(isAnvil, `the receipt of ${hash} must be there at once`);
  }
  throw new Error(`no receipt of ${hash}`);
}

/** Calls `body(url, node)` for each node in turn. */
export async function onEach(body) {
  for (const [node, url] of urls.entries()) await body(url, node);
}

/** Asserts that a promise is refused with this code and these words. */
export async function refused(promise, code, words) {
  const error = await promise.then(
    (value) => assert.fail(`expected an error, got ${JSON.stringify(value)}`),
    (error) => error,
  );
  if (!(error instanceof RpcError)) throw error;
  assert.equal(error.code, code, error.message);
  assert.match(error.reply, words);
  return error;
}

/** A promise that settles with the next call of `resolve`, or fails after `limitMs`. */
export function event(what, limitMs = 10_000) {
  let settle;
  const promise = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`nothing heard of ${what} for ${limitMs} ms`)), limitMs);
    settle = (value) => {
      clearTimeout(timer);
      resolve(value);
    };
  });
  return { promise, resolve: settle };
}

/** Puts the chain back to automining at the end of a suite, whatever happened in it. */
export async function restoreMining() {
  await rpc(urls[0], 'evm_setIntervalMining', [0]);
  await rpc(urls[0], 'evm_setAutomine', [true]);
  await rpc(urls[0], 'evm_mine');
}
