//! Who decided about an operation or a connection, and how it is written.
//!
//! It does not know why one decision is told and not another.

use ostiary_policy::{Mode, Verdict};

use super::draft::Draft;
use super::fields::Field;
use super::last::Last;

/// Who decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided<'a> {
    /// The plugin.
    pub plugin: &'a str,
    /// Its rule; empty if there is none.
    pub rule: &'a str,
    /// What was decided.
    pub verdict: Verdict,
    /// Whether the decision was applied.
    pub mode: Mode,
}

/// Writes who decided.
pub(super) fn write(decided: &Decided<'_>, draft: &mut Draft<'_>) {
    draft.short(Field::Plugin, decided.plugin);
    if !decided.rule.is_empty() {
        draft.short(Field::Rule, decided.rule);
    }
    draft.word(Field::Verdict, decided.verdict.word());
    draft.word(
        Field::Mode,
        match decided.mode {
            Mode::Enforce => "enforce",
            Mode::Monitor => "monitor",
        },
    );
}

/// Who decided last.
#[derive(Default)]
pub(super) struct LastDecided(Last<Owned>);

#[derive(Default)]
struct Owned {
    plugin: String,
    rule: String,
    /// None before anybody decided.
    verdict: Option<(Verdict, Mode)>,
}

impl LastDecided {
    /// Writes who decided.
    #[inline]
    pub(super) fn write(&mut self, decided: &Decided<'_>, draft: &mut Draft<'_>) {
        let Decided { plugin, rule, verdict, mode } = *decided;
        self.0.write(
            draft,
            0,
            |last| last.verdict == Some((verdict, mode)) && last.rule == rule && last.plugin == plugin,
            |last| {
                plugin.clone_into(&mut last.plugin);
                rule.clone_into(&mut last.rule);
                last.verdict = Some((verdict, mode));
            },
            |draft| write(decided, draft),
        );
    }
}
