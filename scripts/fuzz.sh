#!/usr/bin/env bash
# Fuzzes what reads bytes from outside.
#
#   scripts/fuzz.sh [SECONDS [TARGET…]]        ten minutes each where nothing is said
#
# Needs cargo-fuzz (`cargo install cargo-fuzz`). New inputs stay in an ignored folder beside the kept corpus; a crash is
# left in tests/fuzz/artifacts, and ends it with exit code 1.
set -euo pipefail
cd "$(dirname "$0")/../tests/fuzz"

seconds=${1:-600}
shift || true
targets=("$@")
[[ ${#targets[@]} -gt 0 ]] || mapfile -t targets < <(ls corpus)
# No sanitizer: there is no unsafe code here to find, and the compiler need not be a nightly one.
for target in "${targets[@]}"; do
    echo "=== $target"
    mkdir -p "target/found/$target"
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . --sanitizer none "$target" "target/found/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 -verbosity=0
done
