//! The values of flags: choices, numbers, times.

use crate::config::Ether;
use alloy::primitives::U256;
use clap::ValueEnum;

/// `--reads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ReadsChoice {
    Linearizable,
    Local,
}

/// `--order`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum OrderChoice {
    Fees,
    Fifo,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ColorArg {
    Auto,
    Always,
    Never,
}

/// `--instamine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum InstamineChoice {
    Eager,
    Strict,
}

/// `--errors`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ErrorsChoice {
    Geth,
    Ganache,
}

/// A number, or the one word that the flag takes instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum NumberOrWord {
    Number(u64),
    Word,
}

/// A number, decimal or hexadecimal with 0x: ganache's defaults are written so.
pub(in crate::cli) fn number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| {
        format!("`{text}` is not a number from 0 to 18446744073709551615, decimal or with 0x")
    })
}

fn number_or(text: &str, word: &str) -> Result<NumberOrWord, String> {
    if text == word {
        return Ok(NumberOrWord::Word);
    }
    number(text)
        .map(NumberOrWord::Number)
        .map_err(|_| format!("`{text}` is neither a number nor `{word}`"))
}

/// `--timestamp-increment`.
pub(in crate::cli) fn increment(text: &str) -> Result<NumberOrWord, String> {
    number_or(text, "clock")
}

/// `--default-transaction-gas-limit`.
pub(in crate::cli) fn gas_or_estimate(text: &str) -> Result<NumberOrWord, String> {
    number_or(text, "estimate")
}

/// `--timestamp`: Unix seconds, or a date as RFC 3339 writes it, the time of day left out or with a zone.
pub(in crate::cli) fn timestamp(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = number(text) {
        return Ok(seconds);
    }
    parse_date(text).ok_or_else(|| {
        format!(
            "`{text}` is not a time; write Unix seconds, or a date such as 2026-11-22T10:00:00Z"
        )
    })
}

fn parse_date(text: &str) -> Option<u64> {
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00:00Z"),
    };
    let field = |text: &str, digits: usize| {
        let is_number = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| text.parse::<i64>().ok()).flatten()
    };
    let mut parts = date.splitn(3, '-');
    let year = field(parts.next()?, 4)?;
    let month = field(parts.next()?, 2).filter(|month| (1..=12).contains(month))?;
    let day = field(parts.next()?, 2).filter(|day| (1..=31).contains(day))?;
    let (clock, offset_seconds) = split_zone(time)?;
    let mut parts = clock.split(['.']).next()?.splitn(3, ':');
    let hour = field(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = field(parts.next()?, 2).filter(|minute| *minute < 60)?;
    let second = match parts.next() {
        Some(second) => field(second, 2).filter(|second| *second < 60)?,
        None => 0,
    };
    // Days since 1970, with years that begin in March (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset_seconds;
    u64::try_from(seconds).ok()
}

/// The time of day and the seconds by which its zone is ahead of UTC; none given means UTC.
fn split_zone(time: &str) -> Option<(&str, i64)> {
    if let Some(clock) = time.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(place) = time.rfind(['+', '-']) else {
        return Some((time, 0));
    };
    let (clock, zone) = time.split_at(place);
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let seconds = hours.parse::<i64>().ok()? * 3600 + minutes.parse::<i64>().ok()? * 60;
    Some((
        clock,
        if zone.starts_with('-') {
            -seconds
        } else {
            seconds
        },
    ))
}

/// `--account`: a private key and its balance in wei, as ganache takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct KeyAndBalance {
    pub(in crate::cli) key: String,
    pub(in crate::cli) balance: Ether,
}

impl std::str::FromStr for KeyAndBalance {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (key, wei) = text.split_once(',').ok_or(
            "the balance is missing; write the private key, a comma, and the balance in wei",
        )?;
        let parsed = match wei.strip_prefix("0x") {
            Some(digits) => U256::from_str_radix(digits, 16),
            None => U256::from_str_radix(wei, 10),
        };
        let balance = parsed.map_err(|_| format!("the balance `{wei}` is not a number of wei"))?;
        Ok(Self {
            key: key.to_owned(),
            balance: Ether(balance),
        })
    }
}

/// A time given in seconds, with decimals, held in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct SecondsMs(pub(in crate::cli) u64);

/// `--block-time`; 0 stands for mining at once, as in ganache.
pub(in crate::cli) fn seconds(text: &str) -> Result<SecondsMs, String> {
    let refuse = || format!("`{text}` is not a number of seconds from 0 to 86400");
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(decimals) || decimals.len() > 3 {
        return Err(refuse());
    }
    let whole: u64 = whole.parse().map_err(|_| refuse())?;
    let thousandths: u64 = format!("{decimals:0<3}").parse().map_err(|_| refuse())?;
    let ms = whole
        .checked_mul(1000)
        .and_then(|ms| ms.checked_add(thousandths))
        .ok_or_else(refuse)?;
    if ms <= 86_400_000 {
        Ok(SecondsMs(ms))
    } else {
        Err(refuse())
    }
}
