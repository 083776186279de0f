//! What a stage decides of a request, and what it leaves behind for the request's way on.

use core::fmt;
use std::sync::Arc;

use ostiary_ldap::result::ResultCode;
use serde::Deserialize;

/// Whether a decision is applied, or only counted and told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is applied.
    #[default]
    Enforce,
    /// It is counted and told; traffic passes.
    Monitor,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enforce => "enforce",
            Self::Monitor => "monitor",
        })
    }
}

/// What a decision comes to for whoever asked, or would have come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request went on, by a rule that says so or because a list lets pass what no rule is about.
    Allowed,
    /// It was answered, or a client was not let in.
    Refused,
    /// It had to wait.
    Delayed,
    /// The client was told and closed.
    Closed,
    /// Something was cut out of the answer.
    Hidden,
}

impl Verdict {
    /// What records call it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Refused => "refused",
            Self::Delayed => "delayed",
            Self::Closed => "closed",
            Self::Hidden => "hidden",
        }
    }
}

/// What one stage decides.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// The request goes on to the next stage, as this one has nothing to say of it.
    Pass,
    /// It goes on to the next stage, and this one says so.
    Allow {
        /// Which rule decided: its place in the stage; none when nothing matched.
        rule: Option<u16>,
    },
    /// It is answered here.
    Refuse {
        /// Which rule decided: its place in the stage; none when nothing matched.
        rule: Option<u16>,
        /// The result code.
        code: ResultCode,
        /// The diagnostic message.
        text: Arc<str>,
    },
    /// The client is told and closed.
    Close {
        /// Which rule decided.
        rule: u16,
    },
    /// The request waits, then the same stage is asked again; nothing is told of it.
    Wait {
        /// For how long.
        seconds: f64,
    },
    /// The request waits, then is judged by the following stages.
    Delay {
        /// Which rule decided.
        rule: u16,
        /// For how long.
        seconds: f64,
    },
}

impl Decision {
    /// Whether the request goes on at once.
    pub const fn lets_pass(&self) -> bool {
        matches!(self, Self::Pass | Self::Allow { .. })
    }
}

/// What a rule in monitor mode would have done.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    /// The rule's place in the stage; none when nothing matched.
    pub rule: Option<u16>,
    /// The code of the refusal that did not happen; none for an allowing rule, which only says that it matched.
    pub code: Option<ResultCode>,
}

/// How a search is changed before it goes upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchEdit {
    /// The selectors instead of those asked for (`1.1` stands for none).
    pub attributes: Option<Vec<Box<str>>>,
    /// The largest size limit; what was asked for stays if it is lower.
    pub size_limit: Option<u32>,
    /// The largest time limit in seconds, likewise.
    pub time_limit: Option<u32>,
    /// Aliases are not followed, whatever was asked.
    pub never_deref_aliases: bool,
}

impl SearchEdit {
    /// Whether the search goes as it came.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Takes the narrower of both.
    pub fn narrow(&mut self, other: Self) {
        let lower = |one: Option<u32>, other: Option<u32>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        self.size_limit = lower(self.size_limit, other.size_limit);
        self.time_limit = lower(self.time_limit, other.time_limit);
        self.never_deref_aliases |= other.never_deref_aliases;
        // A later stage was asked about the selectors as they came, so its list is no wider than it allows.
        if other.attributes.is_some() {
            self.attributes = other.attributes;
        }
    }
}

/// What the stages leave behind for one request.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How a search is changed.
    pub edit: SearchEdit,
    /// What would have happened, by rules in monitor mode of the stage that is being asked.
    pub notes: Vec<Note>,
}
