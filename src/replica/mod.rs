//! Joins the chain and the consensus: proposes, applies in order, answers.

pub mod api;
