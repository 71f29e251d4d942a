//! Filters of logs: what `eth_getLogs`, `eth_newFilter` and `eth_subscribe("logs")` ask for.

use super::{Argument, Fields, json_kind};
use alloy::{
    eips::BlockNumberOrTag,
    primitives::{Address, B256, Bloom, BloomInput, Log},
};

/// The most alternatives for one topic, and the most addresses (geth's limits).
const MAX_ALTERNATIVES: usize = 1000;
/// A log has at most 4 topics.
const MAX_TOPICS: usize = 4;

/// Which logs, wherever they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogFilter {
    /// Any of these; all where empty.
    pub(crate) addresses: Vec<Address>,
    /// At each position any of these; all where empty.
    pub(crate) topics: Vec<Vec<B256>>,
}

/// In which blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FilterRange {
    /// From one block to another, both included.
    Blocks {
        /// The first; `None`: `latest`.
        from: Option<BlockNumberOrTag>,
        /// The last; `None`: `latest`.
        to: Option<BlockNumberOrTag>,
    },
    /// In one block (EIP-234).
    Hash(B256),
}

/// A filter object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FilterCriteria {
    /// Which logs.
    pub(crate) filter: LogFilter,
    /// In which blocks.
    pub(crate) range: FilterRange,
}

impl LogFilter {
    /// Whether a block or receipt with this bloom can have a log of ours.
    pub(crate) fn may_match(&self, bloom: &Bloom) -> bool {
        let has = |bytes: &[u8]| bloom.contains_input(BloomInput::Raw(bytes));
        (self.addresses.is_empty() || self.addresses.iter().any(|a| has(a.as_slice())))
            && self
                .topics
                .iter()
                .all(|any| any.is_empty() || any.iter().any(|t| has(t.as_slice())))
    }

    /// Whether a log is ours.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        let topics = log.topics();
        (self.addresses.is_empty() || self.addresses.contains(&log.address))
            && self.topics.len() <= topics.len()
            && self
                .topics
                .iter()
                .zip(topics)
                .all(|(any, topic)| any.is_empty() || any.contains(topic))
    }
}

impl Default for FilterCriteria {
    fn default() -> Self {
        Self {
            filter: LogFilter::default(),
            range: FilterRange::Blocks {
                from: None,
                to: None,
            },
        }
    }
}

impl Argument for FilterCriteria {
    fn read(json: &str) -> Result<Self, String> {
        let fields = Fields::parse(json)?;
        let hash: Option<B256> = fields.get(&["blockHash"])?;
        let from: Option<BlockNumberOrTag> = fields.get(&["fromBlock"])?;
        let to: Option<BlockNumberOrTag> = fields.get(&["toBlock"])?;
        let range = match hash {
            Some(_) if from.is_some() || to.is_some() => {
                return Err(
                    "cannot specify both blockHash and fromBlock/toBlock, choose one or the other"
                        .to_owned(),
                );
            }
            Some(hash) => FilterRange::Hash(hash),
            None => FilterRange::Blocks { from, to },
        };
        let addresses = fields
            .raw(&["address"])
            .map(one_or_many)
            .transpose()
            .map_err(|problem| format!("address: {problem}"))?
            .unwrap_or_default();
        let topics = fields
            .raw(&["topics"])
            .map(topics)
            .transpose()
            .map_err(|problem| format!("topics: {problem}"))?
            .unwrap_or_default();
        Ok(Self {
            filter: LogFilter { addresses, topics },
            range,
        })
    }
}

fn one_or_many<T: Argument>(json: &str) -> Result<Vec<T>, String> {
    let values = match json.as_bytes().first() {
        Some(b'[') => Vec::<T>::read(json)?,
        _ => vec![T::read(json)?],
    };
    if values.len() > MAX_ALTERNATIVES {
        return Err(format!(
            "{} alternatives, at most {MAX_ALTERNATIVES} are allowed",
            values.len()
        ));
    }
    Ok(values)
}

/// One position of `topics`: `null`, a topic, or several, where a `null` among them lets all through.
#[derive(Debug)]
struct TopicChoice(Vec<B256>);

impl Argument for TopicChoice {
    fn read(json: &str) -> Result<Self, String> {
        match json.as_bytes().first() {
            Some(b'n') => Ok(Self(Vec::new())),
            Some(b'[') => {
                let values: Vec<Self> = Vec::read(json)?;
                if values.iter().any(|choice| choice.0.is_empty()) {
                    return Ok(Self(Vec::new()));
                }
                if values.len() > MAX_ALTERNATIVES {
                    return Err(format!(
                        "{} alternatives, at most {MAX_ALTERNATIVES} are allowed",
                        values.len()
                    ));
                }
                Ok(Self(values.into_iter().flat_map(|c| c.0).collect()))
            }
            Some(b'"') => B256::read(json).map(|topic| Self(vec![topic])),
            _ => Err(format!("{} where a topic is expected", json_kind(json))),
        }
    }
}

fn topics(json: &str) -> Result<Vec<Vec<B256>>, String> {
    let choices: Vec<TopicChoice> = Vec::read(json)?;
    if choices.len() > MAX_TOPICS {
        return Err(format!(
            "exceed max topics: {} positions, at most {MAX_TOPICS}",
            choices.len()
        ));
    }
    Ok(choices.into_iter().map(|choice| choice.0).collect())
}
