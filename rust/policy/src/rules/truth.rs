//! Whether criteria hold, in three values, and how a decision and its explanation share one evaluation.

/// Whether a criterion holds. Of several that must hold, the least decides; of several of which one must, the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Truth {
    /// It does not.
    No,
    /// What it asks about cannot be normalised.
    Unreadable,
    /// It does.
    Yes,
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

/// The criteria, by the keys of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    From,
    Listener,
    Tls,
    Certificate,
    Identity,
    Operations,
    Mechanisms,
    Base,
    Scope,
    Filter,
    FilterAttributes,
    Attributes,
    Controls,
    Extended,
    Changes,
}

impl Key {
    /// The key of the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Listener => "listener",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Identity => "identity",
            Self::Operations => "operations",
            Self::Mechanisms => "mechanisms",
            Self::Base => "base",
            Self::Scope => "scope",
            Self::Filter => "filter",
            Self::FilterAttributes => "filter_attributes",
            Self::Attributes => "attributes",
            Self::Controls => "controls",
            Self::Extended => "extended",
            Self::Changes => "changes",
        }
    }
}

/// Who wants to know how an evaluation went.
pub(crate) trait Report {
    /// Whether every rule and criterion is asked, for the sake of the report, even where the answer is certain.
    const FULL: bool;
    /// A rule is being asked now.
    fn begin(&mut self, rule: u16);
    /// A criterion was asked.
    fn tell(&mut self, key: Key, truth: Truth);
}

/// Nobody.
pub(crate) struct Silent;

impl Report for Silent {
    const FULL: bool = false;

    #[inline]
    fn begin(&mut self, _rule: u16) {}

    #[inline]
    fn tell(&mut self, _key: Key, _truth: Truth) {}
}

/// What the criteria of one rule have come to.
pub(crate) struct Tally<'r, R> {
    pub(crate) truth: Truth,
    report: &'r mut R,
}

impl<'r, R: Report> Tally<'r, R> {
    /// A tally that starts with what is known.
    #[inline]
    pub(crate) fn new(truth: Truth, report: &'r mut R) -> Self {
        Self { truth, report }
    }

    /// Asks a criterion, unless the answer is certain and nobody wants to know more.
    #[inline]
    pub(crate) fn ask(&mut self, key: Key, holds: impl FnOnce() -> Truth) {
        if !R::FULL && self.truth == Truth::No {
            return;
        }
        let truth = holds();
        self.report.tell(key, truth);
        self.truth = self.truth.min(truth);
    }
}
