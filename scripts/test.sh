#!/usr/bin/env bash
# All tests: format, lints and docs; the Rust tests (unit, property, whole clusters); then real clients (ethers, viem,
# web3, cast, web3.py and its own tests) against one node and against three; the npm package, installed from its tarballs;
# Hardhat and Foundry projects against one node and against three of which one is killed.
#
#   scripts/test.sh [--anvil]        --anvil: the clients also against anvil, to test the tests
#
# Needs Rust, Node 20 with npm, and Python 3.10 with pip and venv. What it installs stays in ignored folders
# (tests/clients/node_modules, target/python). Servers use free ports and temporary folders. The last line says how many
# passed and failed, over all of it; the exit code is 1 if anything failed.
set -uo pipefail
cd "$(dirname "$0")/.."

targets=(one three)
[[ "${1:-}" == --anvil ]] && targets+=(anvil)
target_folder="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target_folder"
log=$(mktemp -d)
trap 'rm -rf "$log"; for job in $(jobs -p); do kill "$job" 2>/dev/null; done' EXIT
counts="$log/counts" # a line for each runner: NAME PASSED FAILED SKIPPED
: >"$counts"

# Runs a command. Its failure counts as one; its success counts nothing, for the tests in it are counted.
step() {
    local name=$1
    shift
    echo "=== $name"
    "$@" || {
        echo "$name 0 1 0" >>"$counts"
        return 1
    }
}

# Format, lints and docs count as one test.
check() {
    scripts/check.sh && echo "check 1 0 0" >>"$counts"
}

rust_tests() {
    cargo test --locked --no-fail-fast 2>&1 | tee "$log/cargo"
    local code=$?
    # One line for each binary: test result: ok. 12 passed; 0 failed; 1 ignored; …
    awk '/^test result: / { for (i = 2; i <= NF; i++) {
            if ($i ~ /^passed/) passed += $(i - 1); if ($i ~ /^failed/) failed += $(i - 1); if ($i ~ /^ignored/) ignored += $(i - 1) } }
         END { print "rust", passed + 0, failed + 0, ignored + 0 }' "$log/cargo" >>"$counts"
    return $code
}

python_environment() {
    local environment="$target_folder/python" wanted=tests/clients/python/requirements.txt
    if ! cmp -s "$wanted" "$environment/installed.txt"; then
        rm -rf "$environment"
        python3 -m venv "$environment" && "$environment/bin/pip" install --quiet --disable-pip-version-check -r "$wanted" &&
            cp "$wanted" "$environment/installed.txt"
    fi
}

step check check
step rust-runs rust_tests
if step build cargo build --locked --bin praline && step npm npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund; then
    PRALINE="$(cd "$target_folder" && pwd)/debug/praline"
    export PRALINE PRALINE_COUNTS="$counts"
    step pip python_environment && PRALINE_PYTHON="$(cd "$target_folder" && pwd)/python/bin/python" && export PRALINE_PYTHON
    for target in "${targets[@]}"; do
        step "clients-on-$target" node tests/clients/run.mjs "$target"
    done
    step clients-on-three-in-one node tests/clients/run.mjs three-in-one ethers
    step web3.py-own-on-three node tests/clients/run.mjs three web3_integration
    step npm-package npm ci --prefix tests/npm --ignore-scripts --no-audit --no-fund && step npm-runs node tests/npm/run.mjs
    if step projects-install node tests/projects/install.mjs; then
        step projects-on-one node tests/projects/run.mjs one
        step projects-on-three node tests/projects/run.mjs three
    fi
fi

echo
echo "=== passed, failed, skipped"
column -t "$counts" 2>/dev/null || cat "$counts"
awk '{ passed += $2; failed += $3; skipped += $4 }
     END { print passed " passed, " failed " failed, " skipped " skipped"; exit failed > 0 || passed == 0 }' "$counts"
