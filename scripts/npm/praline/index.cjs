// ganache's programmatic API on a Praline node, and clusters. The types are in `index.d.cts`.

'use strict';

const { Chain } = require('./lib/chain.cjs');
const { Cluster } = require('./lib/cluster.cjs');
const { OptionError } = require('./lib/options.cjs');
const { Provider, ProviderRpcError } = require('./lib/provider.cjs');
const { Server, ServerStatus } = require('./lib/server.cjs');

function server(options) {
  return new Server(options);
}

function provider(options) {
  const chain = new Chain(options);
  const made = new Provider({
    start: () => chain.start(),
    stop: () => chain.stop(),
    options: () => chain.options(),
    initialAccounts: () => chain.accounts(),
  });
  // As ganache's, it starts at once; the first request tells a failure.
  chain.start().catch(() => {});
  return made;
}

function cluster(options) {
  return Cluster.start(options);
}

const praline = { server, provider, cluster, OptionError, ProviderRpcError, ServerStatus };
// For ES modules and for TypeScript's view of this one.
praline.default = praline;
module.exports = praline;
