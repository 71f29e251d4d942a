//! revm on our state.
