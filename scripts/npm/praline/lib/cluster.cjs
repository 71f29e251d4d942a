// `cluster(options)`: N nodes, a process each, that can be killed, paused, cut off and brought back one by one.

'use strict';

const { EventEmitter } = require('node:events');
const { writeFileSync } = require('node:fs');
const net = require('node:net');
const { join } = require('node:path');
const { initialAccounts, nested, writeAccountKeys } = require('./chain.cjs');
const { configText, makeKeys, recall, remember } = require('./config.cjs');
const { NodeProcess, makeFolder, removeFolder } = require('./node-process.cjs');
const { OptionError, readOptions } = require('./options.cjs');
const { Provider } = require('./provider.cjs');

const NODES_MAX = 15;
/** How often a fresh set of ports is tried: somebody may take a port between its choice and its use. */
const ATTEMPTS = 3;

/** Free ports, all held until the last is found, so that they differ. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise((resolve, reject) => {
          server.once('error', reject).listen(0, '127.0.0.1', () => resolve(server.address().port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

class Cluster extends EventEmitter {
  #read;
  #folder;
  #dataDir;
  #nodes = [];
  #closing;

  /** @private Use `cluster(options)`. */
  constructor(read, folder) {
    super();
    this.#read = read;
    this.#folder = folder;
    this.#dataDir = read.local.dbPath === undefined ? join(folder, 'data') : String(read.local.dbPath);
  }

  static async start(options) {
    const read = readOptions(options, { isCluster: true });
    const count = Number(read.local.nodes ?? 3);
    if (!Number.isInteger(count) || count < 1 || count > NODES_MAX) {
      throw new OptionError('nodes', `${read.local.nodes} is not a whole number from 1 to ${NODES_MAX}`);
    }
    for (let attempt = 1; ; attempt += 1) {
      const cluster = new Cluster(read, makeFolder());
      try {
        await cluster.#start(count);
        return cluster;
      } catch (error) {
        await cluster.close();
        if (attempt === ATTEMPTS || !/in use/i.test(error.message)) throw error;
      }
    }
  }

  async #start(count) {
    const ports = await freePorts(2 * count);
    const { dbPath } = this.#read.local;
    // All nodes must have the same genesis block, so its time is settled here and not by each at its start.
    const { keys = makeKeys(count), genesisTimestamp = Math.floor(Date.now() / 1000) } = recall(dbPath);
    if (keys.length !== count) throw new OptionError('nodes', `the data in ${dbPath} is that of ${keys.length} nodes`);
    remember(dbPath, { keys, genesisTimestamp });
    (this.#read.config.chain ??= {}).genesis_timestamp ??= genesisTimestamp;
    const members = Array.from({ length: count }, (_, index) => ({
      ...keys[index],
      rpc: `127.0.0.1:${ports[index]}`,
      peer: `127.0.0.1:${ports[count + index]}`,
    }));
    writeFileSync(join(this.#folder, 'config.toml'), configText(this.#read, members, { allowFaults: true }), { mode: 0o600 });
    this.#nodes = members.map(({ rpc }, index) => ({
      name: `node${index + 1}`,
      address: rpc,
      process: undefined,
      isPaused: false,
      index,
    }));
    this.providers = this.#nodes.map(
      (node) =>
        new Provider({
          start: async () => node.address,
          stop: async () => {},
          options: () => nested(this.#read.flat),
          initialAccounts: () => this.getInitialAccounts(),
        }),
    );
    await Promise.all(this.#nodes.map((node) => this.#startNode(node)));
    const { accountKeysPath } = this.#read.local;
    if (accountKeysPath !== undefined) writeAccountKeys(accountKeysPath, this.getInitialAccounts());
    // The first answer of each says that it knows a leader and has what all have.
    await Promise.all(this.providers.map((provider) => provider.request({ method: 'eth_blockNumber' })));
  }

  async #startNode(node) {
    const { logger, quiet } = this.#read.local;
    const args = ['node', '--config', join(this.#folder, 'config.toml'), '--node', node.name, '--data-dir', this.#dataDir];
    args.push(...this.#read.flags);
    const child = new NodeProcess(args, {
      cwd: this.#folder,
      onLine: logger && !quiet ? (line) => logger.log(`${node.name}: ${line}`) : undefined,
      accountsFile: join(this.#folder, `${node.name}.json`),
    });
    node.process = child;
    node.isPaused = false;
    child.ended.then((end) => {
      if (!child.isStopping) this.emit('exit', node.index, end);
    });
    await child.started;
  }

  #node(index) {
    const node = this.#nodes[index];
    if (!node)
      throw new RangeError(`praline: there is no node ${index}; nodes are numbered from 0 to ${this.#nodes.length - 1}`);
    return node;
  }

  #running() {
    return this.#nodes.filter(({ process: child, isPaused }) => child && !child.hasEnded && !isPaused);
  }

  /** HTTP addresses, also of nodes that are down. */
  get urls() {
    return this.#nodes.map(({ address }) => `http://${address}`);
  }

  get webSocketUrls() {
    return this.#nodes.map(({ address }) => `ws://${address}`);
  }

  /** Names as the config and `cluster_status` have them. */
  get names() {
    return this.#nodes.map(({ name }) => name);
  }

  getInitialAccounts() {
    return initialAccounts(this.#node(0).process.startedSync(), this.#read);
  }

  /** The number of the node that leads, as those that run see it; `undefined` while there is none. */
  async leader() {
    for (const { index } of this.#running()) {
      const status = await this.providers[index].request({ method: 'cluster_status' }).catch(() => undefined);
      const leader = this.#nodes.find(({ name }) => name === status?.leader);
      if (leader && this.#running().includes(leader)) return leader.index;
    }
    return undefined;
  }

  /** Ends a node as a crash would (SIGKILL). What was acknowledged is on disk. */
  async kill(index) {
    await this.#node(index).process.kill();
  }

  /** Stops a node in order, if it runs, and starts it again on its data. */
  async restart(index) {
    const node = this.#node(index);
    await node.process.stop();
    await this.#startNode(node);
  }

  /** Stops a node's clock, so to speak (SIGSTOP): it keeps its connections and says nothing. Not on Windows. */
  pause(index) {
    if (process.platform === 'win32') throw new Error('praline: Windows cannot pause a process');
    const node = this.#node(index);
    node.process.signal('SIGSTOP');
    node.isPaused = true;
  }

  resume(index) {
    const node = this.#node(index);
    node.process.signal('SIGCONT');
    node.isPaused = false;
  }

  /**
   * Cuts the network between groups of nodes, `[[0], [1, 2]]`; nodes in none of them are one more group. Clients still
   * reach every node. It heals by itself after `seconds`, or the node's own limit.
   */
  async partition(groups, seconds) {
    const named = groups.map((group) => group.map((index) => this.#node(index).name));
    return this.#order('cluster_partition', seconds === undefined ? [named] : [named, seconds]);
  }

  /** Ends a partition. */
  async heal() {
    return this.#order('cluster_heal', []);
  }

  /** Has the order given by each node that runs: across a cut, one node's word does not reach all. */
  async #order(method, params) {
    const nodes = this.#running();
    if (nodes.length === 0) throw new Error(`praline: no node runs that could be asked for ${method}`);
    const outcomes = await Promise.allSettled(nodes.map(({ index }) => this.providers[index].request({ method, params })));
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    if (refused.length === outcomes.length) throw refused[0].reason;
    const obeyed = new Set(outcomes.flatMap(({ value }) => value?.applied ?? []));
    const missing = nodes.filter(({ name }) => !obeyed.has(name)).map(({ name }) => name);
    if (missing.length > 0) throw new Error(`praline: ${method} did not reach ${missing.join(', ')}`);
  }

  /** Stops all nodes and removes their data, unless it was given a place of its own. */
  close() {
    this.#closing ??= (async () => {
      await Promise.all((this.providers ?? []).map((provider) => provider.disconnect()));
      await Promise.all(this.#nodes.map((node) => node.process?.stop()));
      removeFolder(this.#folder);
    })();
    return this.#closing;
  }
}

module.exports = { Cluster };
