//! RFC 4511 messages as views over received bytes, and the values in them: DNs, attribute descriptions and filters.
//!
//! This crate knows no connection: what is outstanding, who may ask for what, and what is answered to a fault are
//! decided above it. Requests are checked whole against the grammar, without copying; responses show their head and
//! no more unless somebody reads on. Nothing here recurses on what a peer sent, allocates for a length that a peer
//! declared, or prints a credential.

#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::panic,
        clippy::todo,
        clippy::unreachable
    )
)]
// The views are two words of span each: whoever iterates takes its own copy, and that is meant.
#![allow(clippy::copy_iterator)]

pub mod attribute;
pub mod dn;
pub mod filter;
pub mod frame;
pub mod message;
pub mod oid;
pub mod prepare;
pub mod result;
pub mod write;

pub use ostiary_ber::{Error, ErrorKind};
