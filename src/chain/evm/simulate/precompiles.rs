//! The fork's precompiles where a caller's overrides put them.
//!
//! Whatever is moved, an access costs what it costs in a real block (EIP-2929): the fork's own addresses are warm, the
//! new places are not.

use crate::chain::evm::{
    call::overrides::{self, MovedPrecompiles},
    ecrecover::{self, Signatures},
};
use alloy::primitives::map::AddressSet;
use alloy_evm::precompiles::PrecompilesMap;
use revm::{
    context::{Cfg, ContextTr},
    handler::PrecompileProvider,
    interpreter::{CallInputs, InterpreterResult},
    precompile::{PrecompileSpecId, Precompiles},
    primitives::hardfork::SpecId,
};

/// See the module.
#[derive(Debug)]
pub(super) struct PlacedPrecompiles {
    placed: PrecompilesMap,
    warm: &'static AddressSet,
}

impl PlacedPrecompiles {
    pub(super) fn new(spec: SpecId, moved: &MovedPrecompiles, signatures: &Signatures) -> Self {
        let mut placed = overrides::precompiles(spec, moved);
        ecrecover::impersonate(&mut placed, signatures);
        let fork = Precompiles::new(PrecompileSpecId::from_spec_id(spec));
        Self {
            placed,
            warm: fork.addresses_set(),
        }
    }
}

impl<C> PrecompileProvider<C> for PlacedPrecompiles
where
    C: ContextTr,
    PrecompilesMap: PrecompileProvider<C, Output = InterpreterResult>,
{
    type Output = InterpreterResult;

    fn set_spec(&mut self, spec: <C::Cfg as Cfg>::Spec) -> bool {
        PrecompileProvider::<C>::set_spec(&mut self.placed, spec)
    }

    fn run(
        &mut self,
        context: &mut C,
        inputs: &CallInputs,
    ) -> Result<Option<InterpreterResult>, String> {
        self.placed.run(context, inputs)
    }

    fn warm_addresses(&self) -> &AddressSet {
        self.warm
    }
}
