//! Where the entries stand on the disk.
//!
//! *Invariant.* Entries follow each other without a hole, in memory as on the disk; older ones stand in the same segment
//! or an earlier one.

use super::segment::Segment;
use std::collections::{BTreeMap, VecDeque};

/// Where an entry's sealed value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Location {
    /// The segment's number.
    pub(super) segment: u64,
    /// Bytes from the segment's beginning.
    pub(super) at: u64,
    pub(super) length: u32,
}

/// The entries on the disk, and the files they are in.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The index of the first location.
    first: u64,
    locations: VecDeque<Location>,
    pub(super) segments: BTreeMap<u64, Segment>,
}

impl Index {
    /// The first entry, if there is one.
    pub(super) fn first(&self) -> Option<u64> {
        (!self.locations.is_empty()).then_some(self.first)
    }

    /// The index that follows the last entry, if there is one.
    pub(super) fn end(&self) -> Option<u64> {
        self.first()
            .map(|first| first + self.locations.len() as u64)
    }

    /// Adds an entry. It replaces what was there from its place on; one that does not follow begins anew.
    pub(super) fn push(&mut self, index: u64, location: Location) {
        self.truncate_from(index);
        if self.end() != Some(index) {
            self.locations.clear();
            self.first = index;
        }
        self.locations.push_back(location);
    }

    /// Drops everything from `index` on.
    pub(super) fn truncate_from(&mut self, index: u64) {
        let keep = usize::try_from(index.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.locations.truncate(keep);
    }

    /// Drops everything up to `index`, inclusive.
    pub(super) fn purge_through(&mut self, index: u64) {
        while self.first <= index && self.locations.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Takes out the segments before `current` that hold no entry any more.
    pub(super) fn take_unused(&mut self, current: u64) -> Vec<Segment> {
        let first_used = self.locations.front().map_or(current, |it| it.segment);
        let used = self.segments.split_off(&first_used.min(current));
        std::mem::replace(&mut self.segments, used)
            .into_values()
            .collect()
    }

    /// The entries of `start..end` that are here, with the files they are in.
    pub(super) fn locate(&self, start: u64, end: u64) -> Vec<(u64, Segment, Location)> {
        let skip = usize::try_from(start.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.locations
            .iter()
            .skip(skip)
            .zip(start.max(self.first)..end)
            .filter_map(|(location, index)| {
                let segment = self.segments.get(&location.segment)?;
                Some((index, segment.clone(), *location))
            })
            .collect()
    }
}
