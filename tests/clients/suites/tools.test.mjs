// Tools that start a node by themselves and find out when it is ready: prool (of viem), as it starts anvil.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { against, rpc } from '../lib/nodes.mjs';
import { foundry, freePorts, praline } from '../lib/serve.mjs';

// prool 0.2 wants Node 22 for this one function.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};
const { Instance } = await import('prool');

for (const nodes of against === 'anvil' ? [undefined] : [1, 3]) {
  test(`prool starts and stops ${nodes ? `${nodes} nodes` : 'anvil'}`, async () => {
    const port = await freePorts(6);
    const parameters = { chainId: 4711, accounts: 4, mnemonic: 'test test test test test test test test test test test junk' };
    const binary = against === 'anvil' ? foundry('anvil') : praline;
    const instance = Instance.anvil({ binary, port, ...parameters, ...(nodes ? { nodes } : {}) });
    await instance.start();
    try {
      assert.equal(instance.status, 'started');
      assert.equal(await rpc(`http://127.0.0.1:${port}`, 'eth_chainId'), '0x1267');
      assert.equal((await rpc(`http://127.0.0.1:${port}`, 'eth_accounts')).length, 4);
    } finally {
      await instance.stop();
    }
  });
}
