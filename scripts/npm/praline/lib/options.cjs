// The one table of options: ganache's names, what each does to Praline's config, and what is not possible.
//
// An entry says how a value gets into the config file (`config`: the key, `as`: the conversion) or into the arguments
// (`flag`; `alone`: of a chain of one node, because the nodes of a cluster have all that makes the chain from the config),
// or that JavaScript sees to it itself (`local`). `ignored` and `refused` say why a known option has no effect, or cannot
// be had. An option that is not here is an error.

'use strict';

const DETERMINISTIC_MNEMONIC = 'myth like bonus scare over problem client lizard pioneer submit female collect';
const TEST_MNEMONIC = 'test test test test test test test test test test test junk';

class OptionError extends Error {
  constructor(option, reason) {
    super(`praline: option \`${option}\`: ${reason}`);
    this.name = 'OptionError';
    this.option = option;
  }
}

const show = (value) => (typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value)));

// --- conversions: (value, option) → what is written to the config, `undefined` for nothing ---

function integer(value, option) {
  const number = typeof value === 'bigint' ? value : typeof value === 'string' && value.trim() !== '' ? BigInt(value) : value;
  if (typeof number === 'bigint' ? number >= 0n : Number.isSafeInteger(number) && number >= 0) return BigInt(number);
  throw new OptionError(option, `${show(value)} is not a whole number`);
}

function text(value, option) {
  if (typeof value === 'string') return value;
  throw new OptionError(option, `${show(value)} is not a text`);
}

function boolean(value, option) {
  if (typeof value === 'boolean') return value;
  throw new OptionError(option, `${show(value)} is neither true nor false`);
}

/** Milliseconds from seconds, which may have decimals. */
function secondsInMs(value, option) {
  const ms = Math.round(Number(value) * 1000);
  if (Number.isSafeInteger(ms) && ms >= 0) return BigInt(ms);
  throw new OptionError(option, `${show(value)} is not a number of seconds`);
}

/** Unix seconds from a Date, a text that Date understands, or milliseconds. */
function unixSeconds(value, option) {
  if (value === null) return undefined;
  const ms = new Date(value).getTime();
  if (Number.isNaN(ms) || ms < 0) throw new OptionError(option, `${show(value)} is not a time`);
  return BigInt(Math.floor(ms / 1000));
}

/** ganache writes a path as a list, and without the account's number at the end. */
function path(value) {
  const joined = (Array.isArray(value) ? value.join('/') : String(value)).replaceAll(',', '/');
  return joined.endsWith('/') ? joined : `${joined}/`;
}

/** A whole number; the word of ganache that means none is left out. */
const integerOr = (word) => (value, option) => (value === word ? undefined : integer(value, option));

/** One of some words. */
const oneOf =
  (...words) =>
  (value, option) => {
    if (words.includes(value)) return value;
    throw new OptionError(option, `${show(value)} is none of ${words.map((word) => `"${word}"`).join(', ')}`);
  };

function texts(value, option) {
  if (Array.isArray(value)) return value.map(String);
  throw new OptionError(option, `${show(value)} is not a list`);
}

const ether = (value, option) => {
  if (!/^\d+(\.\d+)?$/.test(String(value))) throw new OptionError(option, `${show(value)} is not an amount of ether`);
  return String(value);
};
const unlimited = (value, option) => (boolean(value, option) ? 'none' : undefined);
const onlyIf = (wanted, reason) => (value, option) => {
  if (value !== wanted) throw new OptionError(option, reason);
};

// --- the table ---

const TABLE = {
  chain: {
    chainId: { config: 'chain.chain_id', as: integer },
    networkId: { config: 'chain.network_id', as: integer },
    time: { config: 'chain.genesis_timestamp', as: unixSeconds },
    hardfork: { config: 'chain.hardfork', as: text },
    allowUnlimitedContractSize: { config: 'chain.code_size_limit', as: unlimited },
    allowUnlimitedInitCodeSize: { config: 'chain.initcode_size_limit', as: unlimited },
    asyncRequestProcessing: { ignored: 'requests are always worked on side by side, and writes one after the other' },
    vmErrorsOnRPCResponse: { config: 'server.vm_errors_on_rpc_response', as: boolean },
    /** Not ganache's: whose codes and words errors have. */
    errors: { config: 'server.errors', as: oneOf('ganache', 'geth') },
  },
  database: {
    dbPath: { local: true },
    db: { refused: 'a database object cannot be handed to another process; give `database.dbPath`, a folder' },
  },
  logging: {
    quiet: { local: true },
    logger: { local: true },
    verbose: { flag: '--log-bodies', as: boolean },
    debug: { flag: '--log-opcodes', as: boolean },
    file: { flag: '--log-file', as: text },
  },
  miner: {
    blockTime: { config: 'mining.interval_ms', as: secondsInMs },
    blockGasLimit: { config: 'chain.gas_limit', as: integer },
    defaultGasPrice: { config: 'chain.default_gas_price', as: integer },
    difficulty: { config: 'chain.difficulty', as: integer },
    defaultTransactionGasLimit: { config: 'chain.default_transaction_gas', as: integerOr('estimate') },
    callGasLimit: { config: 'server.call_gas_limit', as: integer },
    instamine: { config: 'mining.instamine', as: oneOf('eager', 'strict') },
    coinbase: { config: 'chain.coinbase', as: text },
    extraData: { config: 'chain.extra_data', as: text },
    priceBump: { config: 'mining.price_bump_percent', as: integer },
    timestampIncrement: { config: 'mining.timestamp_increment_seconds', as: integerOr('clock') },
    legacyInstamine: { ignored: 'ganache has dropped it, too' },
  },
  wallet: {
    totalAccounts: { config: 'accounts.count', as: integer },
    mnemonic: { config: 'accounts.mnemonic', as: text },
    deterministic: {
      config: 'accounts.mnemonic',
      as: (value, option) => (boolean(value, option) ? DETERMINISTIC_MNEMONIC : undefined),
    },
    seed: { flag: '--seed', as: text, alone: true },
    hdPath: { config: 'accounts.derivation_path', as: path },
    defaultBalance: { config: 'accounts.balance_ether', as: ether },
    accounts: { local: true },
    unlockedAccounts: { config: 'chain.unlocked', as: texts },
    accountKeysPath: { local: true },
    lock: { check: onlyIf(false, 'dev accounts are always unlocked') },
    passphrase: { ignored: 'dev accounts are always unlocked' },
  },
  server: {
    ws: { check: onlyIf(true, 'WebSocket and HTTP share the port, and neither can be turned off') },
    wsBinary: { ignored: 'a message is answered as text' },
    rpcEndpoint: { check: onlyIf('/', 'only "/" is there') },
    chunkSize: { ignored: 'answers are sent whole' },
  },
  /** What ganache does not have. */
  cluster: {
    nodes: { local: true },
    reads: { config: 'cluster.reads', as: text },
    writeTimeoutMs: { config: 'cluster.write_timeout_ms', as: integer },
    heartbeatIntervalMs: { config: 'cluster.heartbeat_interval_ms', as: integer },
    electionTimeoutMinMs: { config: 'cluster.election_timeout_min_ms', as: integer },
    electionTimeoutMaxMs: { config: 'cluster.election_timeout_max_ms', as: integer },
  },
};

/** ganache's old flat names, and where each is now. */
const LEGACY = {
  allowUnlimitedContractSize: 'chain.allowUnlimitedContractSize',
  asyncRequestProcessing: 'chain.asyncRequestProcessing',
  chainId: 'chain.chainId',
  _chainId: 'chain.chainId',
  _chainIdRpc: 'chain.chainId',
  network_id: 'chain.networkId',
  networkId: 'chain.networkId',
  time: 'chain.time',
  hardfork: 'chain.hardfork',
  vmErrorsOnRPCResponse: 'chain.vmErrorsOnRPCResponse',
  db: 'database.db',
  db_path: 'database.dbPath',
  debug: 'logging.debug',
  logger: 'logging.logger',
  verbose: 'logging.verbose',
  quiet: 'logging.quiet',
  blockTime: 'miner.blockTime',
  gasPrice: 'miner.defaultGasPrice',
  gasLimit: 'miner.blockGasLimit',
  callGasLimit: 'miner.callGasLimit',
  instamine: 'miner.instamine',
  total_accounts: 'wallet.totalAccounts',
  accounts: 'wallet.accounts',
  seed: 'wallet.seed',
  mnemonic: 'wallet.mnemonic',
  unlocked_accounts: 'wallet.unlockedAccounts',
  secure: 'wallet.lock',
  account_keys_path: 'wallet.accountKeysPath',
  default_balance_ether: 'wallet.defaultBalance',
  hd_path: 'wallet.hdPath',
  ws: 'server.ws',
  nodes: 'cluster.nodes',
};

/** What ganache does where nothing is said. */
const GANACHE_DEFAULTS = { 'chain.chainId': 1337, 'chain.errors': 'ganache', 'wallet.defaultBalance': 1000 };

/** The options as `group.name` → value: old names made new, unknown ones refused. */
function flatten(options) {
  const flat = new Map();
  const put = (option, value) => {
    if (value === undefined) return;
    if (flat.has(option)) throw new OptionError(option, 'is given twice, also by its old name');
    flat.set(option, value);
  };
  for (const [name, value] of Object.entries(options ?? {})) {
    if (name === 'fork' || name.startsWith('fork_') || name.startsWith('fork.')) {
      throw new OptionError(name, 'praline starts chains of its own and cannot fork a live one; leave it out');
    } else if (name === 'flavor' && (value === undefined || value === 'ethereum')) {
      continue;
    } else if (Object.hasOwn(TABLE, name) && value !== null && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) put(`${name}.${key}`, inner);
    } else if (Object.hasOwn(LEGACY, name)) {
      put(LEGACY[name], value);
    } else if (value !== undefined) {
      throw new OptionError(name, `is not known. There are the groups ${Object.keys(TABLE).join(', ')}, as in ganache`);
    }
  }
  return flat;
}

const warned = new Set();
function warnOnce(option, reason) {
  if (warned.has(option)) return;
  warned.add(option);
  process.emitWarning(`option \`${option}\` has no effect: ${reason}`, 'PralineWarning');
}

/** Accounts with their own balances: ganache's `{secretKey, balance}`, balances in wei. */
function accountEntries(list) {
  if (!Array.isArray(list)) throw new OptionError('wallet.accounts', `${show(list)} is not a list`);
  return list.map(({ secretKey, balance }, index) => {
    const key = typeof secretKey === 'string' ? secretKey : secretKey && `0x${Buffer.from(secretKey).toString('hex')}`;
    if (!/^0x[0-9a-fA-F]{64}$/.test(key ?? '')) {
      throw new OptionError('wallet.accounts', `number ${index} has no \`secretKey\` of 32 bytes`);
    }
    return { secretKey: key, balance: BigInt(balance ?? 0) };
  });
}

function weiToEther(wei) {
  const digits = wei.toString().padStart(19, '0');
  return `${digits.slice(0, -18)}.${digits.slice(-18)}`;
}

/**
 * Reads options once and for all.
 *
 * @returns `config`: section → key → value, `flags`: arguments, `accounts`: those with keys of their own, `local`: what
 *   is done here, `flat`: every option as it was given, with the defaults.
 */
function readOptions(options, { defaults = {}, isCluster = false } = {}) {
  const flat = flatten(options);
  for (const [option, value] of Object.entries(defaults)) if (!flat.has(option)) flat.set(option, value);
  const config = {};
  const local = {};
  const flags = [];
  for (const [option, value] of flat) {
    const [group, name] = option.split('.');
    const entry = Object.hasOwn(TABLE, group) && Object.hasOwn(TABLE[group], name) ? TABLE[group][name] : undefined;
    if (!entry) throw new OptionError(option, `is not known. \`${group}\` has ${Object.keys(TABLE[group] ?? {}).join(', ')}`);
    if (entry.refused) throw new OptionError(option, entry.refused);
    if (entry.ignored) warnOnce(option, entry.ignored);
    if (entry.check) entry.check(value, option);
    if (entry.local) local[name] = value;
    if (!entry.as) continue;
    const converted = entry.as(value, option);
    if (converted === undefined) continue;
    if (entry.flag) {
      if (entry.alone && isCluster)
        throw new OptionError(option, 'is for `server` and `provider`; give a cluster `wallet.mnemonic`');
      if (converted !== false) flags.push(...(converted === true ? [entry.flag] : [entry.flag, String(converted)]));
      continue;
    }
    const [section, key] = entry.config.split('.');
    (config[section] ??= {})[key] = converted;
  }
  if (config.mining?.interval_ms > 0n) config.mining.automine = false;
  const accounts = local.accounts ? accountEntries(local.accounts) : [];
  if (accounts.length > 0) {
    if (flat.has('wallet.totalAccounts')) throw new OptionError('wallet.totalAccounts', 'excludes `wallet.accounts`');
    (config.accounts ??= {}).count = 0n;
  }
  return { config, flags, accounts, local, flat };
}

module.exports = { OptionError, readOptions, weiToEther, GANACHE_DEFAULTS, TEST_MNEMONIC };
