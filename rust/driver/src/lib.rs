//! The sockets of sessions: accepts, connects, reads, feeds the octets to the session, and writes what it says.
//!
//! One driver serves all clients of a worker, and waits for all of them at once, and for what its owner has beside:
//! [`Driver::wait`]. It knows neither LDAP nor TLS nor what an event means: those are handed on.

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

mod batch;
mod clock;
mod driver;
mod key;
mod pair;
mod socket;
mod wait;

pub use driver::Driver;
pub use key::{Key, Side};
pub use pair::{Shared, shared};
pub use rustix::io::Errno;
pub use wait::{Answer, End, Happening, Waiting};
