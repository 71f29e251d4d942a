// An EIP-1193 provider over one WebSocket, with ganache's older ways to call it.
//
// Requests go out in the order in which they are made, and events come in the order in which the node sends them. The
// connection is made with the first request and made again with the next one after it broke (a node that was restarted);
// what was under way then is refused with code 4900, for nobody can tell here whether it was done.

'use strict';

const { EventEmitter } = require('node:events');
const WebSocket = require('ws');

/** EIP-1193: disconnected from all chains. */
const DISCONNECTED = 4900;

class ProviderRpcError extends Error {
  constructor({ code, message, data }) {
    super(message);
    this.name = 'ProviderRpcError';
    this.code = code;
    if (data !== undefined) this.data = data;
  }
}

/** Listeners for `error` are welcome but not required. */
function emitError(emitter, error) {
  if (emitter.listenerCount('error') > 0) emitter.emit('error', error);
}

class Connection {
  constructor(socket, onNotification) {
    this.socket = socket;
    this.pending = new Map();
    this.lastId = 0;
    socket.on('message', (data) => {
      const message = JSON.parse(data.toString());
      if (message.method !== undefined) return onNotification(message);
      const settle = this.pending.get(message.id);
      this.pending.delete(message.id);
      this.rest();
      settle?.resolve(message);
    });
  }

  /** An idle connection does not keep Node running. */
  rest() {
    if (this.pending.size === 0) this.socket._socket?.unref();
  }

  /** Sends one JSON-RPC request; answers the whole response. */
  exchange(method, params) {
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      this.pending.set(id, { resolve, reject });
      this.socket._socket?.ref();
      this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }), (error) => error && this.fail(error.message));
    });
  }

  fail(reason) {
    for (const { reject } of this.pending.values()) {
      reject(new ProviderRpcError({ code: DISCONNECTED, message: `the connection to the node is closed: ${reason}` }));
    }
    this.pending.clear();
  }
}

class Provider extends EventEmitter {
  /**
   * @param start answers a promise of the node's address, and starts the node if need be
   * @param stop called by `disconnect`
   * @param options what `getOptions` answers
   * @param initialAccounts what `getInitialAccounts` answers
   */
  constructor({ start, stop, options, initialAccounts }) {
    super();
    Object.assign(this, { _start: start, _stop: stop, _options: options, _initialAccounts: initialAccounts });
    this._connection = undefined;
    this._isClosed = false;
  }

  _connect() {
    if (this._isClosed) throw new ProviderRpcError({ code: DISCONNECTED, message: 'the provider is disconnected' });
    this._connection ??= this._open().catch((error) => {
      this._connection = undefined;
      throw error;
    });
    return this._connection;
  }

  async _open() {
    const address = await this._start();
    const socket = new WebSocket(`ws://${address}`, { perMessageDeflate: false, maxPayload: 0 });
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (error) => {
        reject(
          new ProviderRpcError({ code: DISCONNECTED, message: `no connection to the node at ${address}: ${error.message}` }),
        );
      });
    });
    const connection = new Connection(socket, (message) => this._notify(message));
    socket.on('error', (error) => emitError(this, error));
    socket.on('close', (code, reason) => {
      this._connection = undefined;
      const why = reason.toString() || `code ${code}`;
      connection.fail(why);
      this.emit(
        'disconnect',
        new ProviderRpcError({ code: DISCONNECTED, message: `the node has closed the connection: ${why}` }),
      );
    });
    const { result } = await connection.exchange('eth_chainId', []);
    connection.rest();
    this.emit('connect', { chainId: result });
    return connection;
  }

  _notify(message) {
    this.emit('data', message);
    if (message.method === 'eth_subscription') this.emit('message', { type: 'eth_subscription', data: message.params });
  }

  async request(args) {
    if (args === null || typeof args !== 'object' || typeof args.method !== 'string') {
      throw new ProviderRpcError({ code: -32602, message: '`request` takes {method, params}' });
    }
    const connection = await this._connect();
    const response = await connection.exchange(args.method, args.params ?? []);
    if (response.error) throw new ProviderRpcError(response.error);
    return response.result;
  }

  /** `send(method, params)` is a promise; `send(payload, callback)` is the old form, also for a list of payloads. */
  send(first, second) {
    if (typeof first === 'string') return this.request({ method: first, params: second });
    this._answer(first, second);
    return undefined;
  }

  sendAsync(payload, callback) {
    this._answer(payload, callback);
  }

  async _answer(payload, callback) {
    if (typeof callback !== 'function') throw new TypeError('`send` with a payload needs a callback');
    const one = async ({ id, jsonrpc = '2.0', method, params }) => {
      try {
        return { response: { id, jsonrpc, result: await this.request({ method, params }) } };
      } catch (error) {
        const { code = -32603, message, data } = error;
        return { error, response: { id, jsonrpc, error: { code, message, ...(data === undefined ? {} : { data }) } } };
      }
    };
    if (Array.isArray(payload)) {
      const answers = await Promise.all(payload.map(one));
      callback(
        null,
        answers.map(({ response }) => response),
      );
    } else {
      const { error, response } = await one(payload);
      callback(error ?? null, response);
    }
  }

  /** The options with the defaults, in ganache's groups. */
  getOptions() {
    return this._options();
  }

  /** The accounts of the genesis block: address → `{unlocked, secretKey, balance}`. Waits for the node to come up. */
  getInitialAccounts() {
    return this._initialAccounts();
  }

  /** Closes the connection, and stops the node if this provider started it. */
  async disconnect() {
    this._isClosed = true;
    const connection = await this._connection?.catch(() => undefined);
    if (connection) {
      const closed = new Promise((resolve) => connection.socket.once('close', resolve));
      connection.socket._socket?.ref();
      connection.socket.close(1000);
      const timer = setTimeout(() => connection.socket.terminate(), 1000);
      await closed;
      clearTimeout(timer);
    }
    await this._stop();
  }
}

module.exports = { Provider, ProviderRpcError };
