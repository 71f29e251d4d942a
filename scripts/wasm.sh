#!/usr/bin/env bash
# The pure line: builds chain, consensus and replica for wasm32-unknown-unknown and runs 100 blocks of the chain there,
# whose roots must be those of the native build (which tests/cluster.rs checks against the same file).
#
# Takes rustup's wasm32 target if it is there or can be added; else a private tool chain from Debian's packages, which
# is unpacked beside the build and never installed. Prints one line as tests do: N passed, N failed.
set -uo pipefail
cd "$(dirname "$0")/.."

target_folder="${CARGO_TARGET_DIR:-$PWD/target}"
mkdir -p "$target_folder"
target_folder="$(cd "$target_folder" && pwd)"
export CARGO_TARGET_DIR="$target_folder/wasm"
wasm=wasm32-unknown-unknown
tools="${PRALINE_WASM_TOOLS:-$HOME/.cache/praline-wasm}"
manifest=tests/wasm/Cargo.toml
flags=(--locked --release --manifest-path "$manifest")

fail() {
    echo "scripts/wasm.sh: $1" >&2
    echo "0 passed, 1 failed"
    exit 1
}

has_target() {
    [[ -d "$(rustc --print sysroot)/lib/rustlib/$wasm/lib" ]]
}

# Debian's compiler for wasm32, driven by rustup's cargo: the standard library is built from its source.
private_tools() {
    local root="$tools/root/usr" host
    host=$(rustc -vV | sed -n 's/^host: //p')
    if [[ ! -x $root/bin/rustc ]]; then
        mkdir -p "$tools/packages" || return 1
        (
            cd "$tools/packages" || exit 1
            packages=(rustc-web rust-web-src)
            apt-cache show rustc-web >/dev/null 2>&1 || apt-get update -qq || exit 1
            # What the compiler itself links, at the versions it asks for.
            mapfile -t linked < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts \
                --no-breaks --no-replaces --no-enhances rustc-web | grep -E '^(libstd-rust-web|libllvm)' | sort -u)
            apt-get download -qq "${packages[@]}" "${linked[@]}" || exit 1
            for package in *.deb; do dpkg-deb -x "$package" "$tools/root" || exit 1; done
        ) || return 1
    fi
    mkdir -p "$root/lib/rustlib/$host/bin"
    ln -sfn "$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld" "$root/lib/rustlib/$host/bin/rust-lld"
    cat >"$tools/rustc" <<EOF
#!/bin/sh
export LD_LIBRARY_PATH=$root/lib/x86_64-linux-gnu\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}
exec $root/bin/rustc "\$@"
EOF
    chmod +x "$tools/rustc"
}

if has_target || { timeout 60 rustup target add $wasm >/dev/null 2>&1 && has_target; }; then
    cargo build "${flags[@]}" --lib --target $wasm || fail "the build for wasm failed"
else
    private_tools || fail "there is no way to $wasm here: neither rustup nor apt can bring it"
    RUSTC="$tools/rustc" RUSTC_BOOTSTRAP=1 cargo build "${flags[@]}" --lib --target $wasm \
        -Z build-std=std,panic_abort || fail "the build for wasm failed"
fi

got=$(node tests/wasm/run.mjs "$CARGO_TARGET_DIR/$wasm/release/praline_wasm.wasm") || fail "the chain failed in wasm"
wanted=$(cat tests/wasm/roots.txt)
[[ $got == "$wanted" ]] || fail "100 blocks in wasm give $got, but $wanted natively (tests/wasm/roots.txt)"
echo "100 blocks give $got, in wasm as natively"
echo "1 passed, 0 failed"
