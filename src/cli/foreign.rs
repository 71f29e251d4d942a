//! Flags of anvil and ganache that have no meaning here: each is taken with one warning, or refused with one sentence,
//! by the table of this module. None is in the help.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

/// What becomes of the flag.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is taken, and the user is told this.
    Warn(&'static str),
    /// It is refused.
    Refuse(&'static str),
    /// One value means what is done anyway; others are refused.
    Only(&'static str, &'static str),
    /// One value means what is done anyway; others are taken with a warning.
    Unless(&'static str, &'static str),
}

/// How many values follow the flag.
#[derive(Clone, Copy)]
enum Values {
    None,
    One,
    Perhaps,
}

struct Foreign {
    name: &'static str,
    aliases: &'static [&'static str],
    short: Option<char>,
    values: Values,
    verdict: Verdict,
}

const fn flag(name: &'static str, values: Values, verdict: Verdict) -> Foreign {
    Foreign {
        name,
        aliases: &[],
        short: None,
        values,
        verdict,
    }
}

const FORK: Verdict = Verdict::Refuse(
    "praline starts chains of its own and cannot fork a live one; leave the flag out",
);
const FORK_ALONE: Verdict =
    Verdict::Warn("it is about forking a live chain, which praline does not do");
const ALL_KEPT: Verdict = Verdict::Warn(
    "every block, receipt and old state is kept, on disk; memory does not grow with them",
);
const LOCK: Verdict = Verdict::Warn(
    "dev accounts are open at the start; personal_lockAccount closes one, on all nodes",
);
const OTHER_NETWORK: &str = "praline runs Ethereum's rules alone; leave the flag out";

const TABLE: &[Foreign] = &[
    Foreign {
        aliases: &["rpc-url", "fork.url", "fork"],
        short: Some('f'),
        ..flag("fork-url", Values::One, FORK)
    },
    flag("fork-block-number", Values::One, FORK),
    flag("fork-chain-id", Values::One, FORK),
    Foreign {
        aliases: &["fork-headers"],
        ..flag("fork-header", Values::One, FORK)
    },
    flag("fork-retry-backoff", Values::One, FORK),
    flag("fork-transaction-hash", Values::One, FORK),
    flag("fork.network", Values::One, FORK),
    flag("fork.blockNumber", Values::One, FORK),
    flag("fork.preLatestConfirmations", Values::One, FORK),
    flag("fork.username", Values::One, FORK),
    flag("fork.password", Values::One, FORK),
    flag("fork.jwt", Values::One, FORK),
    flag("fork.userAgent", Values::One, FORK),
    flag("fork.origin", Values::One, FORK),
    flag("fork.headers", Values::One, FORK),
    flag("fork.requestsPerSecond", Values::One, FORK),
    flag("fork.disableCache", Values::Perhaps, FORK),
    flag("fork.deleteCache", Values::Perhaps, FORK),
    flag("compute-units-per-second", Values::One, FORK_ALONE),
    Foreign {
        aliases: &["no-rpc-rate-limit"],
        ..flag("no-rate-limit", Values::None, FORK_ALONE)
    },
    flag("no-storage-caching", Values::None, FORK_ALONE),
    flag("retries", Values::One, FORK_ALONE),
    flag("timeout", Values::One, FORK_ALONE),
    flag("celo", Values::None, Verdict::Refuse(OTHER_NETWORK)),
    flag(
        "network",
        Values::One,
        Verdict::Only("ethereum", OTHER_NETWORK),
    ),
    flag(
        "flavor",
        Values::One,
        Verdict::Only("ethereum", OTHER_NETWORK),
    ),
    flag("prune-history", Values::Perhaps, ALL_KEPT),
    flag("max-persisted-states", Values::One, ALL_KEPT),
    flag("transaction-block-keeper", Values::One, ALL_KEPT),
    flag(
        "cache-path",
        Values::One,
        Verdict::Warn("data is kept where `--data-dir` says"),
    ),
    flag(
        "slots-in-an-epoch",
        Values::One,
        Verdict::Warn("`safe` and `finalized` are the newest block that a majority has committed"),
    ),
    Foreign {
        aliases: &["tracing"],
        ..flag(
            "steps-tracing",
            Values::None,
            Verdict::Warn("debug_trace… always has the steps, by executing the transaction again"),
        )
    },
    flag(
        "md",
        Values::None,
        Verdict::Warn("output is text, or JSON with `--json`"),
    ),
    flag(
        "async-request-processing",
        Values::One,
        Verdict::Unless(
            "true",
            "requests run side by side; writes take effect in one order, each before its answer",
        ),
    ),
    flag(
        "ws-binary",
        Values::One,
        Verdict::Unless("auto", "WebSocket messages are text"),
    ),
    flag("lock", Values::None, LOCK),
    flag("passphrase", Values::One, LOCK),
    flag(
        "chunk-size",
        Values::One,
        Verdict::Warn("answers are sent whole"),
    ),
];

/// Those that were given, with their values.
#[derive(Clone, Debug, Default)]
pub(super) struct ForeignFlags {
    given: Vec<(usize, Option<String>)>,
}

impl ForeignFlags {
    /// The sentences of those that are taken.
    pub(super) fn warnings(&self) -> Vec<String> {
        self.each(|verdict, value| match verdict {
            Verdict::Warn(sentence) => Some(sentence),
            Verdict::Unless(same, sentence) if value != Some(same) => Some(sentence),
            _ => None,
        })
        .map(|(name, sentence)| format!("`--{name}` changes nothing: {sentence}"))
        .collect()
    }

    /// The sentence of the first that is refused.
    pub(super) fn refusal(&self) -> Option<String> {
        self.each(|verdict, value| match verdict {
            Verdict::Refuse(sentence) => Some(sentence),
            Verdict::Only(same, sentence) if value != Some(same) => Some(sentence),
            _ => None,
        })
        .map(|(name, sentence)| format!("`--{name}`: {sentence}"))
        .next()
    }

    fn each<'a>(
        &'a self,
        judge: impl Fn(Verdict, Option<&str>) -> Option<&'static str> + 'a,
    ) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
        self.given.iter().filter_map(move |(index, value)| {
            let flag = TABLE.get(*index)?;
            judge(flag.verdict, value.as_deref()).map(|sentence| (flag.name, sentence))
        })
    }
}

impl Args for ForeignFlags {
    fn augment_args(command: Command) -> Command {
        TABLE.iter().fold(command, |command, flag| {
            let mut arg = Arg::new(flag.name)
                .long(flag.name)
                .aliases(flag.aliases)
                .hide(true);
            if let Some(short) = flag.short {
                arg = arg.short(short);
            }
            command.arg(match flag.values {
                Values::None => arg.action(ArgAction::SetTrue),
                Values::One => arg.action(ArgAction::Append).allow_hyphen_values(true),
                Values::Perhaps => arg
                    .action(ArgAction::Append)
                    .num_args(0..=1)
                    .default_missing_value("true"),
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ForeignFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.given = TABLE
            .iter()
            .enumerate()
            .filter_map(|(index, flag)| match flag.values {
                Values::None => matches.get_flag(flag.name).then_some((index, None)),
                Values::One | Values::Perhaps => matches
                    .get_one::<String>(flag.name)
                    .map(|value| (index, Some(value.clone()))),
            })
            .collect();
        Ok(())
    }
}
