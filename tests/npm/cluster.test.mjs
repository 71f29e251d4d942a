// `cluster(options)`: failover tests in a user's own suite.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { api, project, rpc, silence } from './project.mjs';

const TO = '0x00000000000000000000000000000000000c1a55';

describe('three nodes', () => {
  let cluster;
  let account;
  before(async () => {
    cluster = await api.cluster({ nodes: 3, chain: { chainId: 4711 }, cluster: { writeTimeoutMs: 20_000 } });
    [account] = Object.keys(cluster.getInitialAccounts());
  });
  after(() => cluster.close());

  const ask = (node, method, ...params) => cluster.providers[node].request({ method, params });
  const send = (node) => ask(node, 'eth_sendTransaction', { from: account, to: TO, value: '0x1' });
  const agree = async (nodes = [0, 1, 2]) => {
    const heads = await Promise.all(nodes.map((node) => ask(node, 'eth_getBlockByNumber', 'latest', true)));
    for (const head of heads) assert.deepEqual(head, heads[0]);
    return heads[0];
  };

  test('are one chain at every address', async () => {
    assert.equal(cluster.urls.length, 3);
    assert.deepEqual(cluster.names, ['node1', 'node2', 'node3']);
    assert.equal(account, '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    for (const url of cluster.urls) assert.equal(await rpc(url, 'eth_chainId'), '0x1267');
    const { timestamp } = await ask(1, 'eth_getBlockByNumber', '0x0', false);
    assert.ok(Math.abs(Number(timestamp) - Date.now() / 1000) < 120, 'the chain is as young as a single node’s');
    const hash = await send(2);
    for (const node of [0, 1, 2]) assert.equal((await ask(node, 'eth_getTransactionReceipt', hash)).status, '0x1');
  });

  test('outlive their leader, and take it back', async () => {
    const leader = await cluster.leader();
    const others = [0, 1, 2].filter((node) => node !== leader);
    await cluster.kill(leader);
    await assert.rejects(ask(leader, 'eth_blockNumber'), { code: 4900 });
    const hash = await send(others[0]);
    await agree(others);
    assert.notEqual(await cluster.leader(), leader);
    await cluster.restart(leader);
    assert.equal((await ask(leader, 'eth_getTransactionReceipt', hash)).status, '0x1');
    await agree();
  });

  test('go on while one is paused, and it catches up', async () => {
    const paused = ((await cluster.leader()) + 1) % 3;
    cluster.pause(paused);
    const hash = await send((paused + 1) % 3);
    cluster.resume(paused);
    assert.equal((await ask(paused, 'eth_getTransactionReceipt', hash)).status, '0x1');
    await agree();
  });

  test('a leader that is cut off commits nothing; the others go on; all agree after the cut', async () => {
    const alone = await cluster.leader();
    const [one, two] = [0, 1, 2].filter((node) => node !== alone);
    const before = Number(await ask(alone, 'eth_blockNumber'));
    await cluster.partition([[alone], [one, two]]);
    const stuck = send(alone);
    await ask(one, 'evm_mine');
    await ask(two, 'evm_mine');
    assert.ok(Number(await ask(one, 'eth_blockNumber')) >= before + 2);
    await cluster.heal();
    const hash = await stuck;
    assert.equal((await ask(two, 'eth_getTransactionReceipt', hash)).status, '0x1');
    await agree();
  });

  test('a partition heals by itself after its time', async () => {
    await cluster.partition([[0], [1, 2]], 0.3);
    // Held until node 0 reaches the others again.
    await send(0);
    await agree();
  });

  test('tell of a node that ends by itself', async () => {
    const ended = once(cluster, 'exit');
    const [{ pid }] = findNodes(cluster, [1]);
    process.kill(pid, 'SIGKILL');
    const [node, { signal }] = await ended;
    assert.deepEqual([node, signal], [1, 'SIGKILL']);
    await cluster.restart(1);
    await agree();
  });
});

/** The processes of nodes, by their names on the command line. */
function findNodes(cluster, nodes) {
  const lines = execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n');
  return nodes.map((node) => {
    const port = new URL(cluster.urls[node]).port;
    const line = lines.find((text) => text.includes(`--node ${cluster.names[node]} `) && belongs(text, port));
    return { pid: Number(line.trim().split(' ')[0]) };
  });
}

/** Whether a command line's config has this port. */
function belongs(line, port) {
  const file = /--config (\S+)/.exec(line)?.[1];
  try {
    return readFileSync(file, 'utf8').includes(`:${port}"`);
  } catch {
    return false;
  }
}

test('what is wrong with options is told before anything starts', async () => {
  await assert.rejects(api.cluster({ nodes: 0 }), /`nodes`: 0 is not a whole number from 1 to 15/);
  await assert.rejects(api.cluster({ nodes: 3, chain: { chainId: 'abc' } }), /abc/);
});

test('a cluster in `database.dbPath` goes on where it stopped', async () => {
  const options = { nodes: 2, database: { dbPath: join(project, 'kept-cluster') } };
  let head;
  for (const number of ['0x1', '0x2']) {
    const cluster = await api.cluster(options);
    await rpc(cluster.urls[1], 'evm_mine');
    const next = await rpc(cluster.urls[0], 'eth_getBlockByNumber', ['latest', false]);
    assert.equal(next.number, number);
    if (head) assert.equal(next.parentHash, head.hash);
    head = next;
    await cluster.close();
  }
  await assert.rejects(api.cluster({ ...options, nodes: 3 }), /is that of 2 nodes/);
});

test('`close` leaves nobody listening', async () => {
  const cluster = await api.cluster({ nodes: 2 });
  const ports = cluster.urls.map((url) => Number(new URL(url).port));
  await cluster.close();
  await Promise.all(ports.map((port) => silence(port)));
});
