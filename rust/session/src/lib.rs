//! One client's LDAP protocol and TLS state: octets in, octets and events out.
//!
//! This crate knows no socket, no clock, no thread, no log and no Python: a driver feeds it octets and time,
//! writes what it says and acts on its events. See [`session::Session`] for the contract.

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

mod account;
mod accounting;
mod bind;
mod client;
pub mod event;
mod following;
mod holding;
pub mod identity;
mod inbox;
mod judging;
pub mod limits;
mod outstanding;
mod phase;
mod renewing;
pub mod session;
pub mod settings;
mod start_tls;
pub mod step;
pub mod tls;
pub mod tls_config;
mod upstream;
pub mod violation;

pub use event::Event;
pub use holding::Verdict;
pub use identity::Identity;
pub use limits::Limits;
pub use session::Session;
pub use settings::{ListenerTls, RequireTls, SaslSecurityLayers, Settings, UpstreamTls};
pub use step::Step;
pub use violation::{CloseReason, Peer, Reply, Violation, ViolationKind};
