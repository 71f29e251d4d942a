//! Tests of the consensus seam.
