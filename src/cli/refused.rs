//! Flags of anvil and ganache that people type and that have no meaning here yet: refused with a reason.

use clap::Args;

/// Hidden flags whose use is an error.
#[derive(Debug, Default, Args)]
#[allow(clippy::struct_field_names)] // the flags' own names
pub(super) struct RefusedFlags {
    #[arg(short = 'f', long, aliases = ["rpc-url", "fork.url"], hide = true, value_name = "URL")]
    fork_url: Option<String>,
    #[arg(long, hide = true, allow_hyphen_values = true)]
    fork_block_number: Option<String>,
    #[arg(long, hide = true)]
    fork_chain_id: Option<String>,
    #[arg(long, hide = true)]
    fork_header: Vec<String>,
    #[arg(long, hide = true)]
    fork_retry_backoff: Option<String>,
    #[arg(long, hide = true)]
    fork_transaction_hash: Option<String>,
}

/// What to say if one of them was given.
pub(super) fn sentence(flags: &RefusedFlags) -> Option<String> {
    let given = [
        ("--fork-url", flags.fork_url.is_some()),
        ("--fork-block-number", flags.fork_block_number.is_some()),
        ("--fork-chain-id", flags.fork_chain_id.is_some()),
        ("--fork-header", !flags.fork_header.is_empty()),
        ("--fork-retry-backoff", flags.fork_retry_backoff.is_some()),
        (
            "--fork-transaction-hash",
            flags.fork_transaction_hash.is_some(),
        ),
    ];
    let (flag, _) = given.into_iter().find(|(_, is_given)| *is_given)?;
    Some(format!(
        "`{flag}`: praline starts chains of its own and cannot fork a live one; leave the flag out"
    ))
}
