// `server(options)`: ganache's server. The node is started by `listen`, or by the first use of `provider`; then `listen`
// gives the port asked for by handing connections through.

'use strict';

const { EventEmitter, once } = require('node:events');
const net = require('node:net');
const { Chain } = require('./chain.cjs');
const { Provider } = require('./provider.cjs');

/** ganache's numbers for `server.status`. */
const ServerStatus = Object.freeze({
  unknown: 0,
  ready: 1,
  opening: 2,
  open: 4,
  openingOrOpen: 6,
  closing: 8,
  closed: 16,
  closingOrClosed: 24,
});

function parsePort(port) {
  const number = typeof port === 'string' ? Number(port) : port;
  if (Number.isInteger(number) && number >= 0 && number < 65_536) return number;
  throw new Error(`praline: port ${JSON.stringify(port)} is not a number from 0 to 65535`);
}

/** Hands connections through to a node that is at another port already. */
async function relay(to, port, host) {
  const [toHost, toPort] = to.split(':');
  const sockets = new Set();
  const server = net.createServer((client) => {
    const node = net.connect(Number(toPort), toHost);
    for (const [from, other] of [
      [client, node],
      [node, client],
    ]) {
      sockets.add(from);
      from.pipe(other);
      from.on('error', () => other.destroy());
      from.on('close', () => {
        sockets.delete(from);
        other.end();
      });
    }
  });
  server.listen(port, host);
  await once(server, 'listening');
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return { address: server.address(), stop };
}

class Server extends EventEmitter {
  #chain;
  #address;
  #relay;
  #closing;

  constructor(options) {
    super();
    this.#chain = new Chain(options);
    this.status = ServerStatus.ready;
    this.provider = new Provider({
      start: () => this.#chain.start(),
      stop: () => this.#chain.stop(),
      options: () => this.#chain.options(),
      initialAccounts: () => this.#chain.accounts(),
    });
  }

  /** `listen(port[, host][, callback])`; without a callback it answers a promise. */
  listen(port, host, callback) {
    const done = typeof host === 'function' ? host : callback;
    const opened = this.#open(port, typeof host === 'string' ? host : undefined);
    if (typeof done !== 'function') return opened;
    opened.then(
      () => done(null),
      (error) => done(error),
    );
    return undefined;
  }

  async #open(port, host = '127.0.0.1') {
    if (this.status !== ServerStatus.ready)
      throw new Error('praline: this server listens already, or is closed; make another one');
    const number = parsePort(port);
    this.status = ServerStatus.opening;
    this.#chain.keepsRunning = true;
    try {
      if (this.#chain.process) {
        this.#relay = await relay(await this.#chain.start(), number, host);
        this.#address = this.#relay.address;
      } else {
        const address = await this.#chain.start({ port: number, host });
        const split = address.lastIndexOf(':');
        const name = address.slice(0, split).replace(/^\[|\]$/g, '');
        this.#address = { address: name, family: net.isIPv6(name) ? 'IPv6' : 'IPv4', port: Number(address.slice(split + 1)) };
      }
    } catch (error) {
      this.status = ServerStatus.closed;
      await this.#chain.stop();
      throw error;
    }
    this.status = ServerStatus.open;
    this.emit('open');
  }

  /** Where it listens; `undefined` before and after. */
  address() {
    return this.status === ServerStatus.open ? this.#address : undefined;
  }

  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close() {
    this.status = ServerStatus.closing;
    await this.provider.disconnect();
    await this.#relay?.stop();
    await this.#chain.stop();
    this.status = ServerStatus.closed;
    this.emit('close');
  }
}

module.exports = { Server, ServerStatus };
