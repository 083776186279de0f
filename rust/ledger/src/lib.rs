//! What operators see of sessions: what was counted, a record of every operation, and who asks most.
//!
//! This crate knows no connection, no clock and no sink: whoever serves a client says what happened and when, and takes
//! away what is to be written. Everything in it is bounded, whatever clients send.

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

pub mod audit;
mod book;
pub mod families;
pub mod meters;
pub mod records;
pub mod shared;
pub mod sheet;
mod stopwatch;
pub mod top;
mod totals;

pub use audit::{AUDIT_FIELDS, Audit};
pub use book::{Book, Pages, Places};
pub use families::{FAMILIES, Family, Kind};
pub use meters::{Ended, Meters, Names};
pub use shared::Shared;
pub use sheet::Sheet;
pub use stopwatch::Stopwatch;
pub use top::Top;
pub use totals::Totals;
