//! Rules, compiled from data: who may ask for what, how often, and what of the answer is shown.
//!
//! This crate knows no connection, no clock and no Python. A [`Policy`] is compiled once from a [`spec::PolicySpec`],
//! which is data; a session asks it to judge each request, stage by stage. Decisions are taken on normalised values
//! only, and each names the rule that took it. What cannot be normalised is refused where a rule depends on it.

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

pub mod asked;
pub mod chain;
mod chain_explained;
pub mod controls;
pub mod decision;
pub mod edit;
pub mod explain;
pub mod facts;
pub mod fault;
pub mod guard;
pub mod limits;
mod numbering;
pub mod rate;
pub mod redact;
pub mod rules;
pub mod spec;
pub mod who;

pub use asked::{Asked, Memory, Selectors, Touched, Unreadable};
pub use chain::{Judgement, Policy, StageTicket, Standing, Subject, Told, Walk};
pub use decision::{Decision, Mode, Note, Outcome, SearchEdit, Verdict};
pub use edit::rewrite_search;
pub use explain::Explanation;
pub use facts::{Certificate, ClientFacts};
pub use fault::{Fault, Faults};
pub use limits::{Limits, LimitsSpec};
pub use rate::Tickets;
pub use rules::{AllowList, AllowListSpec, Candidates, Warning};
pub use who::Who;
