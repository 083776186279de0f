//! What operators see of what passed: counters of operations in the arena. Knows no connection, no clock and no Python.

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

pub mod families;
pub mod meters;
pub mod sheet;

pub use families::{FAMILIES, Family, Kind};
pub use meters::{Ended, Meters, Names};
pub use sheet::Sheet;
