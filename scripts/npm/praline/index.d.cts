// Types of the npm package `praline`: ganache's programmatic API and clusters.

import { EventEmitter } from 'node:events';

/** What Ethereum clients send. */
export interface RequestArguments {
  readonly method: string;
  readonly params?: readonly unknown[] | object;
}

export interface JsonRpcRequest {
  readonly id: number | string;
  readonly jsonrpc?: string;
  readonly method: string;
  readonly params?: readonly unknown[] | object;
}

export interface JsonRpcResponse<Result = any> {
  readonly id: number | string;
  readonly jsonrpc: string;
  readonly result?: Result;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** An account with a key and a balance of its own. */
export interface AccountOption {
  /** 32 bytes, as `0x…` or as bytes. */
  secretKey: string | Uint8Array;
  /** In wei. */
  balance: string | number | bigint;
}

export interface Logger {
  log(message?: unknown, ...rest: unknown[]): void;
}

type Quantity = string | number | bigint;

export interface ChainOptions {
  /** Default: 1337 as ganache's; for clusters 31337. */
  chainId?: number;
  /** Default: the chain id. */
  networkId?: number;
  /** Time of the genesis block. Default: now. */
  time?: Date | string | number | null;
  /** From `frontier` to `osaka`. Default: the latest. */
  hardfork?: string;
  allowUnlimitedContractSize?: boolean;
  allowUnlimitedInitCodeSize?: boolean;
  /** No effect. */
  asyncRequestProcessing?: boolean;
  vmErrorsOnRPCResponse?: boolean;
  /** Not ganache's: whose codes and words errors have. Default: `"ganache"`; for clusters `"geth"`. */
  errors?: 'ganache' | 'geth';
}

export interface DatabaseOptions {
  /** A folder that keeps the chain. Default: memory; for clusters a temporary folder. */
  dbPath?: string;
}

export interface LoggingOptions {
  quiet?: boolean;
  /** Default: the console; for clusters nothing. */
  logger?: Logger;
  /** Parameters and results of requests, too. */
  verbose?: boolean;
  /** Each instruction of transactions. */
  debug?: boolean;
  /** A file to which all is written that is printed. */
  file?: string;
}

export interface MinerOptions {
  /** Seconds between blocks; 0, the default: a block for each transaction, at once. */
  blockTime?: number;
  blockGasLimit?: Quantity;
  coinbase?: string;
  extraData?: string;
  /** Whether a hash is answered after its block (the default) or before. */
  instamine?: 'eager' | 'strict';
  /** Seconds from block to block; the clock's by default. */
  timestampIncrement?: 'clock' | Quantity;
  /** Of transactions that name no price. */
  defaultGasPrice?: Quantity;
  /** Before the merge. */
  difficulty?: Quantity;
  /** Of transactions that name no limit. Default: an estimate. */
  defaultTransactionGasLimit?: 'estimate' | Quantity;
  callGasLimit?: Quantity;
  /** Per cent by which a replacement must pay more. */
  priceBump?: Quantity;
}

export interface WalletOptions {
  /** Default: 10. */
  totalAccounts?: number;
  /** Default: a new one each time; for clusters `test test … junk`. */
  mnemonic?: string;
  /** A text from which ganache makes the same accounts each time. Not for clusters. */
  seed?: string;
  /** ganache's fixed phrase, `myth like … collect`. */
  deterministic?: boolean;
  hdPath?: string | readonly string[];
  /** In ether. Default: 1000; for clusters 10000. */
  defaultBalance?: number | string;
  /** Instead of those of a phrase. */
  accounts?: readonly AccountOption[];
  /** Addresses that may send without a key. */
  unlockedAccounts?: ReadonlyArray<string | number>;
  /** A file to which addresses and keys are written. */
  accountKeysPath?: string;
  /** Only `false`. */
  lock?: false;
  /** No effect. */
  passphrase?: string;
}

export interface ServerListenOptions {
  /** Only `true`. */
  ws?: true;
  /** Only `"/"`. */
  rpcEndpoint?: '/';
  /** No effect. */
  wsBinary?: boolean | 'auto';
  /** No effect. */
  chunkSize?: number;
}

export interface ClusterOnlyOptions {
  /** Default: 3; at the most 15. */
  nodes?: number;
  /** How reads of `latest` are answered. Default: `"linearizable"`. */
  reads?: 'linearizable' | 'local';
  /** How long a write waits for a leader. */
  writeTimeoutMs?: number;
  heartbeatIntervalMs?: number;
  electionTimeoutMinMs?: number;
  electionTimeoutMaxMs?: number;
}

/** ganache's old flat names, which still work. */
export interface LegacyOptions {
  allowUnlimitedContractSize?: boolean;
  asyncRequestProcessing?: boolean;
  chainId?: number;
  _chainId?: number;
  _chainIdRpc?: number;
  network_id?: number;
  networkId?: number;
  time?: Date | string | number;
  hardfork?: string;
  vmErrorsOnRPCResponse?: boolean;
  db_path?: string;
  debug?: boolean;
  logger?: Logger;
  verbose?: boolean;
  quiet?: boolean;
  blockTime?: number;
  gasPrice?: Quantity;
  gasLimit?: Quantity;
  callGasLimit?: Quantity;
  instamine?: 'eager' | 'strict';
  total_accounts?: number;
  accounts?: readonly AccountOption[];
  seed?: string;
  mnemonic?: string;
  unlocked_accounts?: ReadonlyArray<string | number>;
  secure?: false;
  account_keys_path?: string;
  default_balance_ether?: number;
  hd_path?: string;
  ws?: true;
}

export interface ProviderOptions extends LegacyOptions {
  flavor?: 'ethereum';
  chain?: ChainOptions;
  database?: DatabaseOptions;
  logging?: LoggingOptions;
  miner?: MinerOptions;
  wallet?: WalletOptions;
}

export interface ServerOptions extends ProviderOptions {
  server?: ServerListenOptions;
}

export interface ClusterOptions extends ProviderOptions {
  nodes?: number;
  cluster?: ClusterOnlyOptions;
}

export interface InitialAccount {
  readonly unlocked: boolean;
  readonly secretKey: string;
  /** In wei. */
  readonly balance: bigint;
}

/** EIP-1193: an error with the node's code and data. 4900: the connection is gone. */
export class ProviderRpcError extends Error {
  readonly code: number;
  readonly data?: unknown;
}

/** An option that is not known, or of the wrong kind. */
export class OptionError extends Error {
  readonly option: string;
}

export interface SubscriptionMessage {
  readonly type: 'eth_subscription';
  readonly data: { readonly subscription: string; readonly result: any };
}

export interface SubscriptionNotification {
  readonly jsonrpc: '2.0';
  readonly method: 'eth_subscription';
  readonly params: { readonly subscription: string; readonly result: any };
}

export interface ProviderEvents {
  message: [message: SubscriptionMessage];
  data: [notification: SubscriptionNotification];
  connect: [info: { readonly chainId: string }];
  disconnect: [error: ProviderRpcError];
  error: [error: Error];
}

type Callback<Answer> = (error: Error | null, answer?: Answer) => void;

export interface Provider extends EventEmitter {
  request<Result = any>(args: RequestArguments): Promise<Result>;
  send<Result = any>(method: string, params?: readonly unknown[]): Promise<Result>;
  send(payload: JsonRpcRequest, callback: Callback<JsonRpcResponse>): void;
  send(payloads: readonly JsonRpcRequest[], callback: Callback<JsonRpcResponse[]>): void;
  sendAsync(payload: JsonRpcRequest, callback: Callback<JsonRpcResponse>): void;
  sendAsync(payloads: readonly JsonRpcRequest[], callback: Callback<JsonRpcResponse[]>): void;
  /** The options with the defaults, in ganache's groups. */
  getOptions(): Record<string, Record<string, any>>;
  /** By address. Waits for the node to come up, which takes some 50 ms. */
  getInitialAccounts(): Record<string, InitialAccount>;
  /** Closes the connection, and stops the node if this provider started it. */
  disconnect(): Promise<void>;
  on<Name extends keyof ProviderEvents>(event: Name, listener: (...args: ProviderEvents[Name]) => void): this;
  once<Name extends keyof ProviderEvents>(event: Name, listener: (...args: ProviderEvents[Name]) => void): this;
  off<Name extends keyof ProviderEvents>(event: Name, listener: (...args: ProviderEvents[Name]) => void): this;
}

/** ganache's numbers. */
export const ServerStatus: {
  readonly unknown: 0;
  readonly ready: 1;
  readonly opening: 2;
  readonly open: 4;
  readonly openingOrOpen: 6;
  readonly closing: 8;
  readonly closed: 16;
  readonly closingOrClosed: 24;
};

export interface Server extends EventEmitter {
  readonly provider: Provider;
  readonly status: number;
  listen(port: number | string, host?: string): Promise<void>;
  listen(port: number | string, callback: (error: Error | null) => void): void;
  listen(port: number | string, host: string, callback: (error: Error | null) => void): void;
  address(): { address: string; family: string; port: number } | undefined;
  close(): Promise<void>;
  on(event: 'open' | 'close', listener: () => void): this;
  once(event: 'open' | 'close', listener: () => void): this;
}

/** How a node's process ended. */
export interface NodeEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
}

/** Nodes of one chain, a process each, numbered from 0. */
export interface Cluster extends EventEmitter {
  readonly urls: readonly string[];
  readonly webSocketUrls: readonly string[];
  /** A provider for each node. It connects again by itself after its node was restarted. */
  readonly providers: readonly Provider[];
  readonly names: readonly string[];
  getInitialAccounts(): Record<string, InitialAccount>;
  /** The number of the node that leads; `undefined` while there is none. */
  leader(): Promise<number | undefined>;
  /** Ends a node as a crash would. */
  kill(node: number): Promise<void>;
  /** Starts a node again on its data; one that runs is stopped first. */
  restart(node: number): Promise<void>;
  /** Holds a node (SIGSTOP): it keeps its connections and says nothing. */
  pause(node: number): void;
  resume(node: number): void;
  /** Cuts the network between groups; nodes in none of them are one more group. */
  partition(groups: ReadonlyArray<readonly number[]>, seconds?: number): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
  /** A node ended that nobody had asked to. */
  on(event: 'exit', listener: (node: number, end: NodeEnd) => void): this;
}

/** A node that listens after `listen`. */
export function server(options?: ServerOptions): Server;
/** A node for this program alone; it starts at once and ends with `disconnect`, or with this program. */
export function provider(options?: ProviderOptions): Provider;
/** Resolves when every node answers. */
export function cluster(options?: ClusterOptions): Promise<Cluster>;

declare const praline: {
  readonly server: typeof server;
  readonly provider: typeof provider;
  readonly cluster: typeof cluster;
  readonly OptionError: typeof OptionError;
  readonly ProviderRpcError: typeof ProviderRpcError;
  readonly ServerStatus: typeof ServerStatus;
  readonly default: typeof praline;
};
export default praline;
