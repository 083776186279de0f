//! `allow_list`: the first rule whose every criterion holds decides.
//!
//! Criteria are three-valued. A rule whose criteria hold as far as they can be told, one of them being about something
//! that cannot be normalised, refuses, whatever its effect: what cannot be read is not let through, nor past a denial.
//! One evaluation serves decisions and explanations, so that they cannot disagree. No connection is known here; what
//! stays the same from request to request is asked once, as [`Candidates`].

mod attribute_list;
mod compile;
mod dn_tree;
pub(crate) mod identity;
mod index;
mod operational;
pub(crate) mod question;
mod rule;
mod rule_set;
mod shape;
mod spec;
pub(crate) mod truth;
mod warnings;

use std::collections::HashSet;
use std::sync::Arc;

use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::ResultCode;

use crate::asked::Asked;
use crate::asked::{Selectors, Unreadable};
use crate::controls::Concern;
use crate::decision::{Decision, Mode, Note, Outcome, SearchEdit};
use crate::facts::ClientFacts;
use crate::fault::Faults;
use crate::who::Who;
use index::Index;
use question::{Question, tested};
use rule::{Readings, Rule};
use rule_set::RuleSet;
use truth::{Report, Silent, Tally, Truth};

pub(crate) use compile::{code, each, network, text};
pub(crate) use shape::fingerprint;
pub use spec::{AllowListSpec, AmongSpec, CertificateSpec, CodeSpec, Effect, IdentitySpec, RuleSpec};
pub use warnings::Warning;

/// A set of rules has a bit for each; nobody reads a list of thousands.
const RULES_MAX: usize = 4_096;
/// From how many candidates on the entry and the filter are looked up among those of all rules, rather than each rule
/// asked.
const MANY: u32 = 8;
/// What the client is told where a rule depends on something unreadable.
const UNREADABLE_TEXT: &str = "cannot be normalised";

/// Compiled rules.
#[derive(Debug)]
pub struct AllowList {
    rules: Vec<Rule>,
    index: Box<Index>,
    /// Whether a rule denies, and does not only monitor.
    denies: bool,
    default: Effect,
    code: ResultCode,
    text: Arc<str>,
    unreadable: Arc<str>,
}

/// The rules that may be about one client and identity: asked once, when either changes.
#[derive(Debug, Clone, Default)]
pub struct Candidates {
    /// Whose criteria of client and identity all hold, or cannot be told.
    open: RuleSet,
    /// Of those, the ones of which something cannot be told.
    unreadable: RuleSet,
    /// Whose criteria of the client all hold, or cannot be told: binds bring an identity of their own.
    client: RuleSet,
    /// Of those, the ones of which something cannot be told.
    client_unreadable: RuleSet,
}

impl AllowList {
    /// The rules that `spec` spells, unless there is a fault.
    pub fn compile(spec: &AllowListSpec, faults: &mut Faults) -> Option<Self> {
        let code = code(spec.code.as_ref(), ResultCode::INSUFFICIENT_ACCESS_RIGHTS, faults);
        let refusal = text(spec.text.as_deref(), compile::REFUSAL_TEXT, faults);
        let rules = faults.within("rules", |faults| compile_rules(&spec.rules, faults));
        faults.is_empty().then(|| Self {
            index: Box::new(Index::new(&rules)),
            denies: rules.iter().any(|rule| rule.effect == Effect::Deny && rule.mode == Mode::Enforce),
            rules,
            default: spec.default,
            code,
            text: refusal.into(),
            unreadable: UNREADABLE_TEXT.into(),
        })
    }

    /// The name of a rule; `default` where none decided.
    pub fn rule_name(&self, rule: Option<u16>) -> &str {
        rule.and_then(|rule| self.rules.get(usize::from(rule))).map_or(compile::DEFAULT_NAME, |rule| &rule.name)
    }

    /// The names of the rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &*rule.name)
    }

    /// The rules that may be about this client while it is known as `who`.
    pub fn candidates(&self, client: &ClientFacts, who: &Who) -> Candidates {
        let mut candidates = Candidates::default();
        let about_identity = self.index.about_identity(who);
        for (number, rule) in self.numbered(self.index.about_client(client).iter()) {
            let mut silent = Silent;
            let mut tally = Tally::new(Truth::Yes, &mut silent);
            rule.ask_client(client, &mut tally);
            if tally.truth == Truth::No {
                continue;
            }
            candidates.client.insert(number);
            if tally.truth == Truth::Unreadable {
                candidates.client_unreadable.insert(number);
            }
            if !about_identity.contains(number) {
                continue;
            }
            rule.ask_identity(who, &mut tally);
            if tally.truth == Truth::No {
                continue;
            }
            candidates.open.insert(number);
            if tally.truth == Truth::Unreadable {
                candidates.unreadable.insert(number);
            }
        }
        candidates
    }

    /// Decides a request. `who` is the identity proved, and `candidates` are of that one and this client.
    pub fn judge(
        &self,
        candidates: &Candidates,
        client: &ClientFacts,
        who: &Who,
        asked: &Asked<'_>,
        outcome: &mut Outcome,
    ) -> Decision {
        let question = Question::request(asked, who);
        if question.is_exempt() {
            return Decision::Pass;
        }
        let claimed = question.bind().map(Who::asked_by);
        let mut order = match &claimed {
            Some(claimed) => {
                let mut order = candidates.client.clone();
                order.keep(&self.index.about_identity(claimed));
                order
            }
            None => candidates.open.clone(),
        };
        self.keep_possible(&mut order, &question);
        let side = Side { candidates, client, who: claimed.as_ref().unwrap_or(who) };
        self.decide(order.iter(), &side, &question, &mut Silent, outcome)
    }

    /// Decides a request as [`Self::judge`] does, asking every rule and telling `report` of every criterion. None where
    /// the request is never judged.
    pub(crate) fn judge_aloud<R: Report>(
        &self,
        client: &ClientFacts,
        who: &Who,
        asked: &Asked<'_>,
        report: &mut R,
        outcome: &mut Outcome,
    ) -> Option<Decision> {
        let question = Question::request(asked, who);
        if question.is_exempt() {
            return None;
        }
        let claimed = question.bind().map(Who::asked_by);
        let candidates = self.candidates(client, who);
        let side = Side { candidates: &candidates, client, who: claimed.as_ref().unwrap_or(who) };
        let all = (0_u16..).zip(&self.rules).map(|(number, _)| number);
        Some(self.decide(all, &side, &question, report, outcome))
    }

    /// What a rule does and whether its decision is applied.
    pub(crate) fn effect_of(&self, rule: u16) -> Option<(Effect, Mode)> {
        self.rules.get(usize::from(rule)).map(|rule| (rule.effect, rule.mode))
    }

    /// Drops the rules that cannot match, by what many rules have in common.
    fn keep_possible(&self, order: &mut RuleSet, question: &Question<'_, '_>) {
        self.index.about_kind(question.kind()).into_iter().for_each(|set| order.keep(set));
        if let Some(set) = question.scope().and_then(|scope| self.index.about_scope(scope)) {
            order.keep(set);
        }
        // A denial is asked wherever other entries are shown.
        if order.count() <= MANY || question.shows_other_entries() {
            return;
        }
        // Either place of a modify DN may decide, and an operation without a target is asked about none.
        if question.kind() != RequestKind::ModifyDn
            && let Ok(Some(target)) = question.target()
        {
            order.keep(&self.index.about_target(target, question.scope()));
        }
        if let Some(fingerprint) = question.fingerprint() {
            order.keep(&self.index.about_filter(fingerprint));
        }
    }

    fn numbered(&self, order: impl Iterator<Item = u16>) -> impl Iterator<Item = (u16, &Rule)> {
        order.filter_map(|number| Some((number, self.rules.get(usize::from(number))?)))
    }

    /// Walks rules in their order until one decides.
    fn decide<R: Report>(
        &self,
        order: impl Iterator<Item = u16>,
        side: &Side<'_>,
        question: &Question<'_, '_>,
        report: &mut R,
        outcome: &mut Outcome,
    ) -> Decision {
        let readings =
            |question: &Question<'_, '_>, concern: &Concern| self.would_show(side.candidates, question, concern).into();
        for (number, rule) in self.numbered(order) {
            report.begin(number);
            let truth = side.ask(number, rule, question, &readings, report);
            let decision = match (truth, rule.effect) {
                (Truth::No, _) => continue,
                (Truth::Unreadable, _) => self.refuse_unreadable(number),
                (Truth::Yes, Effect::Deny) => {
                    Decision::Refuse { rule: Some(number), code: rule.code, text: Arc::clone(&rule.text) }
                }
                (Truth::Yes, Effect::Allow) => Decision::Allow { rule: Some(number) },
            };
            if rule.mode == Mode::Monitor {
                let code = if let Decision::Refuse { code, .. } = decision { Some(code) } else { None };
                outcome.notes.push(Note { rule: Some(number), code });
                continue;
            }
            if decision.lets_pass() && question.kind() == RequestKind::Search {
                outcome.edit.narrow(rule.edit(question));
            }
            return decision;
        }
        match self.default {
            Effect::Allow if self.shows_by_default(side.candidates, question) => {
                // By an alias one would come to where a denial does not let one.
                if self.denies && question.kind() == RequestKind::Search {
                    outcome.edit.narrow(SearchEdit { never_deref_aliases: true, ..SearchEdit::default() });
                }
                Decision::Allow { rule: None }
            }
            _ => Decision::Refuse { rule: None, code: self.code, text: Arc::clone(&self.text) },
        }
    }

    fn refuse_unreadable(&self, rule: u16) -> Decision {
        Decision::Refuse {
            rule: Some(rule),
            code: ResultCode::INSUFFICIENT_ACCESS_RIGHTS,
            text: Arc::clone(&self.unreadable),
        }
    }

    /// Whether no control of a write, which no rule has looked at, tells what a search is denied.
    fn shows_by_default(&self, candidates: &Candidates, question: &Question<'_, '_>) -> bool {
        let is_write = !matches!(question.kind(), RequestKind::Search | RequestKind::Bind);
        !(self.denies && is_write)
            || question
                .concerns()
                .iter()
                .all(|concern| concern.as_ref().is_ok_and(|concern| self.would_show(candidates, question, concern)))
    }

    /// Whether a search would give the same client what a control of a write tells: to be allowed to write is not to
    /// be allowed to read. Rules that only monitor do not count.
    fn would_show(&self, candidates: &Candidates, question: &Question<'_, '_>, concern: &Concern) -> bool {
        let (selectors, filter) = match concern {
            Concern::PreRead(selectors) | Concern::PostRead(selectors) => (selectors.clone(), None),
            Concern::Assertion(filter) => match tested(filter) {
                Some(named) => (Selectors { named, ..Selectors::default() }, Some(filter)),
                None => return false,
            },
            // These speak of the result of a search, which this is not.
            Concern::Sort(_) | Concern::VirtualListView | Concern::MatchedValues(_) | Concern::OtherEntries => {
                return true;
            }
        };
        // A renamed entry is read in its new place too.
        let places = [question.target(), question.destination()];
        let mut known = 0_u8;
        let shown = places.into_iter().all(|place| match place {
            Ok(Some(target)) => {
                known = known.saturating_add(1);
                self.would_allow(candidates, &Question::reading(target, &selectors, filter))
            }
            Ok(None) => true,
            Err(Unreadable) => false,
        });
        shown && known > 0
    }

    fn would_allow(&self, candidates: &Candidates, reading: &Question<'_, '_>) -> bool {
        let mut order = candidates.open.clone();
        self.keep_possible(&mut order, reading);
        for (number, rule) in self.numbered(order.iter()) {
            if rule.mode == Mode::Monitor {
                continue;
            }
            let mut silent = Silent;
            let mut tally = Tally::new(candidates.known(number), &mut silent);
            rule.ask_request(reading, &|_, _| Truth::No, &mut tally);
            match tally.truth {
                Truth::No => {}
                Truth::Unreadable => return false,
                Truth::Yes => return rule.effect == Effect::Allow,
            }
        }
        self.default == Effect::Allow
    }
}

impl Candidates {
    /// What the criteria of client and identity have come to, for a rule that is among them.
    fn known(&self, rule: u16) -> Truth {
        if self.unreadable.contains(rule) { Truth::Unreadable } else { Truth::Yes }
    }

    fn known_of_client(&self, rule: u16) -> Truth {
        if self.client_unreadable.contains(rule) { Truth::Unreadable } else { Truth::Yes }
    }
}

/// Who asks: what is known of them, and for a bind whom they claim to be.
struct Side<'x> {
    candidates: &'x Candidates,
    client: &'x ClientFacts,
    who: &'x Who,
}

impl Side<'_> {
    /// What the criteria of a rule come to. A report wants to hear of all of them; without one, what the candidates
    /// know is not asked again.
    fn ask<R: Report>(
        &self,
        number: u16,
        rule: &Rule,
        question: &Question<'_, '_>,
        readings: Readings<'_>,
        report: &mut R,
    ) -> Truth {
        let known = match (R::FULL, question.bind()) {
            (true, _) => Truth::Yes,
            (false, Some(_)) => self.candidates.known_of_client(number),
            (false, None) => self.candidates.known(number),
        };
        let mut tally = Tally::new(known, report);
        if R::FULL {
            rule.ask_client(self.client, &mut tally);
        }
        if question.bind().is_some() {
            rule.ask_identity_of_bind(self.who, &mut tally);
        } else if R::FULL {
            rule.ask_identity(self.who, &mut tally);
        }
        rule.ask_request(question, readings, &mut tally);
        tally.truth
    }
}

fn compile_rules(specs: &[RuleSpec], faults: &mut Faults) -> Vec<Rule> {
    if specs.len() > RULES_MAX {
        faults.add(format!("more than {RULES_MAX} rules, say more with each: {}", specs.len()));
    }
    let mut names = HashSet::new();
    let mut rules = Vec::new();
    for (place, spec) in specs.iter().enumerate() {
        faults.within(format_args!("[{place}]"), |faults| {
            if !names.insert(&spec.name) {
                faults.within("name", |faults| {
                    faults.add(format!("taken by a rule above, choose another: {:?}", spec.name));
                });
            }
            rules.push(compile::rule(spec, faults));
        });
    }
    rules
}
