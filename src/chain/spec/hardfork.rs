//! Ethereum's hard forks by name, in order.
//!
//! *Invariant.* The order of the variants is the order in which the forks follow each other, on every chain: a later
//! fork includes all earlier ones. (The DAO fork is an irregular change of one block, not a set of rules; it stands in
//! [`super::ForkSchedule`].)

use alloy_hardforks::EthereumHardfork;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

macro_rules! hardforks {
    ($($fork:ident $name:literal),+ $(,)?) => {
        /// A hard fork that a chain can run at, newest last.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub enum Hardfork { $($fork),+ }

        impl Hardfork {
            /// All forks, oldest first.
            pub const ALL: &'static [Self] = &[$(Self::$fork),+];

            /// The name as `--hardfork` takes it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$fork => $name),+ }
            }

            /// The same fork in alloy's list.
            pub(crate) fn ethereum(self) -> EthereumHardfork {
                match self { $(Self::$fork => EthereumHardfork::$fork),+ }
            }
        }
    };
}

hardforks! {
    Frontier "frontier",
    Homestead "homestead",
    Tangerine "tangerine",
    SpuriousDragon "spurious-dragon",
    Byzantium "byzantium",
    Constantinople "constantinople",
    Petersburg "petersburg",
    Istanbul "istanbul",
    MuirGlacier "muir-glacier",
    Berlin "berlin",
    London "london",
    ArrowGlacier "arrow-glacier",
    GrayGlacier "gray-glacier",
    Paris "paris",
    Shanghai "shanghai",
    Cancun "cancun",
    Prague "prague",
    Osaka "osaka",
    Bpo1 "bpo1",
    Bpo2 "bpo2",
    Bpo3 "bpo3",
    Bpo4 "bpo4",
    Bpo5 "bpo5",
    Amsterdam "amsterdam",
}

impl Hardfork {
    /// The newest fork that is live on mainnet.
    pub const LATEST: Self = Self::Bpo2;

    /// Whether a chain turns to it at a block's timestamp; the earlier ones come by block number.
    pub fn is_by_time(self) -> bool {
        self >= Self::Shanghai
    }
}

/// A name that is no fork.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a hardfork; choose one of {all}, latest",
    all = Hardfork::ALL.iter().map(|fork| fork.name()).collect::<Vec<_>>().join(", ")
)]
pub struct UnknownHardfork(pub String);

impl FromStr for Hardfork {
    type Err = UnknownHardfork;

    /// Takes ganache's, anvil's and Hardhat's spellings: any case, with or without `-` and `_`.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let plain = |text: &str| text.replace(['-', '_'], "").to_ascii_lowercase();
        let wanted = plain(name);
        match wanted.as_str() {
            "latest" => Ok(Self::LATEST),
            "merge" => Ok(Self::Paris),
            "tangerinewhistle" | "eip150" => Ok(Self::Tangerine),
            "eip158" => Ok(Self::SpuriousDragon),
            _ => Self::ALL
                .iter()
                .copied()
                .find(|fork| plain(fork.name()) == wanted)
                .ok_or_else(|| UnknownHardfork(name.to_owned())),
        }
    }
}
