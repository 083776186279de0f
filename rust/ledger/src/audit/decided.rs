//! Who decided about an operation or a connection, and how it is written.
//!
//! It does not know why one decision is told and not another.

use ostiary_policy::{Mode, Verdict};

use super::END;
use super::draft::{Draft, Form};
use super::fields::Field;

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

/// The last one that was written, ready to be copied: of most operations that follow one another the same rule decides.
#[derive(Default)]
pub(super) struct LastDecided {
    plugin: String,
    rule: String,
    verdict: Option<(Verdict, Mode)>,
    octets: Vec<u8>,
    is_cut: bool,
}

impl LastDecided {
    /// Writes who decided; whether something of it is cut.
    #[inline]
    pub(super) fn write(&mut self, decided: &Decided<'_>, form: &Form, out: &mut Vec<u8>) -> bool {
        let Decided { plugin, rule, verdict, mode } = *decided;
        if self.verdict != Some((verdict, mode)) || self.rule != rule || self.plugin != plugin {
            self.renew(decided, form);
        }
        out.extend_from_slice(&self.octets);
        self.is_cut
    }

    #[cold]
    fn renew(&mut self, decided: &Decided<'_>, form: &Form) {
        decided.plugin.clone_into(&mut self.plugin);
        decided.rule.clone_into(&mut self.rule);
        self.verdict = Some((decided.verdict, decided.mode));
        self.octets.clear();
        let mut draft = Draft::new(form, &mut self.octets, END);
        write(decided, &mut draft);
        self.is_cut = draft.is_cut;
    }
}
