// A chain of one node in a process of its own, behind `provider` and `server`.

'use strict';

const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { configText, makeKeys, recall, remember } = require('./config.cjs');
const { NodeProcess, makeFolder, removeFolder } = require('./node-process.cjs');
const { GANACHE_DEFAULTS, readOptions } = require('./options.cjs');

/** ganache's groups from `group.name` → value. */
function nested(flat) {
  const groups = {};
  for (const [option, value] of flat) {
    const [group, name] = option.split('.');
    (groups[group] ??= {})[name] = value;
  }
  return groups;
}

/** What a node wrote with `--config-out`, in ganache's form. Accounts that were given have the balances given. */
function initialAccounts(written, read) {
  const given = new Map(read.accounts.map(({ secretKey, balance }) => [secretKey.toLowerCase(), balance]));
  const [whole, part = ''] = (read.config.accounts?.balance_ether ?? '10000').split('.');
  const common = BigInt(whole + part.padEnd(18, '0'));
  return Object.fromEntries(
    written.available_accounts.map((address, index) => {
      const secretKey = written.private_keys[index];
      return [address, { unlocked: true, secretKey, balance: given.get(secretKey.toLowerCase()) ?? common }];
    }),
  );
}

/** ganache's file of keys. */
function writeAccountKeys(file, accounts) {
  const entries = Object.entries(accounts);
  const keys = {
    addresses: Object.fromEntries(entries.map(([account]) => [account, account])),
    private_keys: Object.fromEntries(entries.map(([account, { secretKey }]) => [account, secretKey])),
  };
  writeFileSync(file, JSON.stringify(keys), { mode: 0o600 });
}

class Chain {
  constructor(options) {
    this.read = readOptions(options, { defaults: GANACHE_DEFAULTS });
    if (this.read.flat.has('cluster.nodes')) throw new Error('praline: `cluster.nodes` is for `cluster(options)`');
    this.process = undefined;
    /** Whether Node is to wait for the node's end: a server keeps a program running, a provider does not. */
    this.keepsRunning = false;
  }

  /** Starts the node, once; answers its address. */
  start({ port = 0, host = '127.0.0.1' } = {}) {
    if (!this.process) {
      const { local, config, flags, accounts } = this.read;
      const memory = recall(local.dbPath);
      this.keys = memory.keys ?? makeKeys(1);
      const hasPhrase = config.accounts?.mnemonic !== undefined || flags.includes('--seed') || accounts.length > 0;
      if (!hasPhrase && memory.mnemonic) (config.accounts ??= {}).mnemonic = memory.mnemonic;
      this.folder = makeFolder();
      const file = join(this.folder, 'config.toml');
      const member = { rpc: `127.0.0.1:${port}`, peer: '127.0.0.1:0', ...this.keys[0] };
      writeFileSync(file, configText(this.read, [member]), { mode: 0o600 });
      const args = ['--config', file, '--host', host === 'localhost' ? '127.0.0.1' : host];
      args.push(...(local.dbPath ? ['--data-dir', String(local.dbPath)] : ['--ephemeral']));
      if (!hasPhrase && !memory.mnemonic) args.push('--mnemonic-random');
      args.push(...flags);
      const logger = local.logger ?? console;
      const onLine = local.quiet ? () => {} : (line) => logger.log(line);
      this.process = new NodeProcess(args, { cwd: process.cwd(), onLine, accountsFile: join(this.folder, 'accounts.json') });
      this.ready = this.process.started.then((address) => this.#prepare(address));
      this.ready.catch(() => removeFolder(this.folder));
    }
    return this.ready;
  }

  #prepare(address) {
    const { accountKeysPath, dbPath } = this.read.local;
    remember(dbPath, { keys: this.keys, mnemonic: this.process.startedSync().wallet?.mnemonic });
    if (accountKeysPath !== undefined) writeAccountKeys(accountKeysPath, this.accounts());
    this.process.hold(this.keepsRunning);
    return address;
  }

  options() {
    return nested(this.read.flat);
  }

  accounts() {
    this.start();
    return initialAccounts(this.process.startedSync(), this.read);
  }

  async stop() {
    if (!this.process) return;
    await this.process.stop();
    removeFolder(this.folder);
  }
}

module.exports = { Chain, initialAccounts, nested, writeAccountKeys };
