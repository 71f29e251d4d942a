// Tools that start a node by themselves and find out when it is ready: prool (of viem), as it starts anvil.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { against, rpc } from '../lib/nodes.mjs';
import { foundry, freePorts, praline, start } from '../lib/serve.mjs';

// prool 0.2 wants Node 22 for this one function.
Promise.withResolvers ??= () => {
  const parts = {};
  parts.promise = new Promise((resolve, reject) => Object.assign(parts, { resolve, reject }));
  return parts;
};
const { Instance, Pool, Server } = await import('prool');

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

/** A node of one chain for prool, which gives out ports and counts arguments as anvil's. */
const nodeFor = (extra = {}) =>
  Instance.anvil({
    binary: against === 'anvil' ? foundry('anvil') : praline,
    ...(against === 'anvil' ? {} : { nodes: 1, ephemeral: true }),
    ...extra,
  });

test('prool’s pool gives each test worker a chain of its own', async () => {
  const pool = Pool.define({ instance: nodeFor(), limit: 3 });
  const ports = await freePorts(4);
  try {
    const urls = await Promise.all(
      [1, 2, 3].map(async (worker) => {
        await pool.start(worker, { port: ports + worker });
        return `http://127.0.0.1:${ports + worker}`;
      }),
    );
    await rpc(urls[1], 'evm_mine');
    assert.deepEqual(await Promise.all(urls.map((url) => rpc(url, 'eth_blockNumber'))), ['0x0', '0x1', '0x0']);
    await pool.restart(2);
    assert.equal(await rpc(urls[1], 'eth_blockNumber'), '0x0', 'without a folder a chain begins anew');
    await assert.rejects(pool.start(4), /limit/i);
  } finally {
    await pool.destroyAll();
  }
});

test('prool leases nodes and resets them in between', async () => {
  const snapshots = new Map();
  const address = ({ host, port }) => `http://${host === 'localhost' ? '127.0.0.1' : host}:${port}`;
  const reset = async (instance) =>
    assert.equal(await rpc(address(instance), 'evm_revert', [snapshots.get(instance.port)]), true);
  const pool = Pool.create({ instance: nodeFor(), limit: 1, reset });
  try {
    for (let round = 0; round < 3; round += 1) {
      const { instance, release } = await pool.acquire();
      const url = address(instance);
      assert.equal(await rpc(url, 'eth_blockNumber'), '0x0', `round ${round}`);
      snapshots.set(instance.port, await rpc(url, 'evm_snapshot'));
      await rpc(url, 'evm_mine');
      await release();
    }
  } finally {
    await pool.close();
  }
});

test('prool’s server puts chains behind paths of one port', async () => {
  const port = await freePorts(1);
  const server = Server.create({ instance: nodeFor(), port, host: '127.0.0.1' });
  const stop = await server.start();
  try {
    await rpc(`http://127.0.0.1:${port}/1`, 'evm_mine');
    const heights = await Promise.all([1, 2].map((worker) => rpc(`http://127.0.0.1:${port}/${worker}`, 'eth_blockNumber')));
    assert.deepEqual(heights, ['0x1', '0x0']);
  } finally {
    await stop();
  }
});

test(
  'prool’s `Instance.define`, for a cluster as one instance',
  { skip: against === 'anvil' ? 'anvil has one node' : false },
  async () => {
    const cluster = Instance.define(({ nodes }) => {
      let program;
      return {
        _internal: {},
        host: '127.0.0.1',
        name: 'praline',
        port: 8545,
        async start({ port }) {
          program = start(praline, ['--nodes', `${nodes}`, '--port', `${port}`, '--ephemeral']);
          await program.until(/Listening on /g, nodes);
        },
        stop: () => program.stop(),
      };
    });
    const port = await freePorts(3);
    const pool = Pool.define({ instance: cluster({ nodes: 3 }) });
    await pool.start('one', { port });
    try {
      await rpc(`http://127.0.0.1:${port + 2}`, 'evm_mine');
      assert.equal(await rpc(`http://127.0.0.1:${port}`, 'eth_blockNumber'), '0x1');
    } finally {
      await pool.destroyAll();
    }
  },
);
