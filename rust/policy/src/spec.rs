//! A policy as data: what plugins say up front. JSON is its outward form; the keys are those of the configuration.

use ostiary_ldap::message::RequestKind;
use serde::Deserialize;

use crate::decision::Mode;
use crate::fault::Faults;
use crate::guard::BindGuardSpec;
use crate::limits::LimitsSpec;
use crate::rate::RateLimitSpec;
use crate::redact::RedactSpec;
use crate::rules::AllowListSpec;

/// A whole policy: the chain of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySpec {
    /// The stages, in the order in which a request walks them.
    pub stages: Vec<StageSpec>,
}

/// One stage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageSpec {
    /// The plugin that brings it, as logs and metrics call it.
    pub plugin: String,
    /// Whether its decisions are applied.
    #[serde(default)]
    pub mode: Mode,
    /// What it is.
    pub rules: RulesSpec,
}

/// The kinds of rules, and the place of a hook in the chain.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RulesSpec {
    /// Who may ask for what.
    AllowList(AllowListSpec),
    /// How large requests may be.
    Limits(LimitsSpec),
    /// How often, and how many at once.
    RateLimit(RateLimitSpec),
    /// How often a bind may fail.
    BindGuard(BindGuardSpec),
    /// What of the answers is shown.
    Redact(RedactSpec),
    /// A plugin's hooks are asked here.
    Hook(HookSpec),
}

/// One value or a list of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// One.
    One(T),
    /// Any number.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The values.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// The place of a plugin's hooks in the chain.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookSpec {
    /// The operations that a hook is asked about.
    #[serde(default)]
    pub operations: Vec<String>,
    /// The operations whose end is told.
    #[serde(default)]
    pub finished: Vec<String>,
}

/// Which operations a plugin's hooks are asked about, and whose end they are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    asked: u16,
    finished: u16,
}

impl Operations {
    /// Whether a hook is asked about requests of this kind.
    pub fn contains(&self, kind: RequestKind) -> bool {
        self.asked & bit(kind) != 0
    }

    /// Whether the end of requests of this kind is told.
    pub fn observes(&self, kind: RequestKind) -> bool {
        self.finished & bit(kind) != 0
    }
}

impl HookSpec {
    /// The operations by kind.
    pub fn operations(&self, faults: &mut Faults) -> Option<Operations> {
        let asked = faults.within("operations", |faults| bits(&self.operations, faults));
        let finished = faults.within("finished", |faults| bits(&self.finished, faults));
        Some(Operations { asked: asked?, finished: finished? })
    }
}

fn bits(names: &[String], faults: &mut Faults) -> Option<u16> {
    names.iter().try_fold(0, |bits, name| {
        let kind = operation(name);
        if kind.is_none() {
            faults.add(format!("no operation that hooks are asked about: {name}"));
        }
        kind.map(|kind| bits | bit(kind))
    })
}

/// The operations by their words in the configuration.
pub(crate) const OPERATIONS: &[(&str, RequestKind)] = &[
    ("bind", RequestKind::Bind),
    ("search", RequestKind::Search),
    ("compare", RequestKind::Compare),
    ("add", RequestKind::Add),
    ("modify", RequestKind::Modify),
    ("delete", RequestKind::Delete),
    ("modify_dn", RequestKind::ModifyDn),
    ("extended", RequestKind::Extended),
];

/// The kind of request that a word of the configuration means.
pub fn operation(word: &str) -> Option<RequestKind> {
    OPERATIONS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
}

/// The word of the configuration for a kind of request; empty for those that rules never judge.
pub fn word(kind: RequestKind) -> &'static str {
    OPERATIONS.iter().find(|(_, known)| *known == kind).map_or("", |(word, _)| word)
}

fn bit(kind: RequestKind) -> u16 {
    1 << (kind as u16)
}
