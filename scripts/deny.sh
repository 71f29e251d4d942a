#!/usr/bin/env bash
# Licences, sources and banned crates of everything we depend on, by .deny.toml. Installs cargo-deny where it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo deny --version >/dev/null 2>&1; then
    echo "cargo-deny is not installed; installing it, which takes some minutes"
    # The dev profile is built in a fifth of the time, and fast enough for a look at a lock file.
    cargo install --locked --debug cargo-deny
fi
cargo deny --locked check --hide-inclusion-graph bans licenses sources
