//! Persistent maps and sets in serde's formats.
//!
//! *Invariant.* A length that stands before items is not trusted: room is made for what is there. imbl's own reader asks
//! for all of it at once, and a damaged checkpoint of 264 bytes ended the process for want of 4 EB (found by fuzzing).

/// An ordered map, as any map.
pub(super) mod map {
    use imbl::OrdMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(in crate::chain) fn serialize<K, V, S>(
        map: &OrdMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        K: Serialize + Ord,
        V: Serialize,
        S: Serializer,
    {
        serializer.collect_map(map.iter())
    }

    pub(in crate::chain) fn deserialize<'de, K, V, D>(
        deserializer: D,
    ) -> Result<OrdMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord + Clone,
        V: Deserialize<'de> + Clone,
        D: Deserializer<'de>,
    {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

/// An ordered set, as any sequence.
pub(super) mod set {
    use imbl::OrdSet;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeSet;

    pub(in crate::chain) fn serialize<T, S>(
        set: &OrdSet<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        T: Serialize + Ord,
        S: Serializer,
    {
        serializer.collect_seq(set.iter())
    }

    pub(in crate::chain) fn deserialize<'de, T, D>(deserializer: D) -> Result<OrdSet<T>, D::Error>
    where
        T: Deserialize<'de> + Ord + Clone,
        D: Deserializer<'de>,
    {
        Ok(BTreeSet::deserialize(deserializer)?.into_iter().collect())
    }
}
