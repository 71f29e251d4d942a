#!/usr/bin/env bash
# Praline against anvil 1.7.1 on this machine: prints a Markdown table with ratios.
#
#   scripts/bench.sh [--quick] [--rounds N] [--targets anvil,single,three,…] [--data FOLDER]
#
# Needs Rust, Node and npm; anvil comes from npm, pinned in tests/clients/package-lock.json. Nothing else should run on
# the machine meanwhile. Only this machine's loopback is loaded.
set -euo pipefail
cd "$(dirname "$0")/.."

npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund >&2
anvil=$(cd tests/clients && node -e "import('./lib/serve.mjs').then((serve) => console.log(serve.foundry('anvil')))")
exec cargo bench --locked --bench versus_anvil -- --anvil "$anvil" "$@"
