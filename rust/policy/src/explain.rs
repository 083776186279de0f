//! Why a request is decided as it is: the rules in their order, and of each what it asked that was not so.
//!
//! The decision itself is the one that traffic gets, taken by the same evaluation with somebody listening. What was
//! asked is told in words, without a value of a filter, a compare or a change: those may be secrets.

use ostiary_ldap::message::{Operation, Scope};
use ostiary_ldap::result::ResultCode;
use serde::Serialize;

use crate::asked::{Asked, Selectors, Unreadable};
use crate::controls::{self, Concern, Known};
use crate::decision::{Decision, Mode, Outcome, SearchEdit};
use crate::facts::ClientFacts;
use crate::rules::question::{Question, mechanism};
use crate::rules::truth::{Key, Report, Truth};
use crate::rules::{AllowList, Effect};
use crate::who::Who;

/// A decision and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Whether the request passes.
    pub allowed: bool,
    /// The rule that decided; `default` where none matched; none where rules are not asked.
    pub rule: Option<String>,
    /// The result code of a refusal.
    pub code: Option<u32>,
    /// Its name.
    pub code_name: Option<String>,
    /// The diagnostic message of a refusal.
    pub text: Option<String>,
    /// How a search is changed before it goes on.
    pub changed: Option<Changed>,
    /// The rules that were asked, in their order: the last one decided, unless `rule` is `default`.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleExplanation {
    /// Its name.
    pub rule: String,
    /// `allow` or `deny`.
    pub effect: &'static str,
    /// Whether it only monitors.
    pub monitor: bool,
    /// Whether every criterion held.
    pub matched: bool,
    /// The criteria that did not hold; those that cannot be told refuse if they are all.
    pub failed: Vec<Failed>,
}

/// A criterion that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failed {
    /// Its key.
    pub criterion: &'static str,
    /// Whether what it asks about cannot be normalised.
    pub unreadable: bool,
    /// What was asked, in words.
    pub asked: String,
}

/// How a search is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The selectors instead of those asked for.
    pub attributes: Option<Vec<String>>,
    /// The largest size limit.
    pub size_limit: Option<u32>,
    /// The largest time limit in seconds.
    pub time_limit: Option<u32>,
    /// Whether aliases are not followed, whatever was asked.
    pub never_deref_aliases: bool,
}

impl From<Changed> for SearchEdit {
    fn from(changed: Changed) -> Self {
        Self {
            attributes: changed.attributes.map(|selectors| selectors.into_iter().map(Box::from).collect()),
            size_limit: changed.size_limit,
            time_limit: changed.time_limit,
            never_deref_aliases: changed.never_deref_aliases,
        }
    }
}

impl From<SearchEdit> for Changed {
    fn from(edit: SearchEdit) -> Self {
        Self {
            attributes: edit.attributes.map(|selectors| selectors.into_iter().map(String::from).collect()),
            size_limit: edit.size_limit,
            time_limit: edit.time_limit,
            never_deref_aliases: edit.never_deref_aliases,
        }
    }
}

impl AllowList {
    /// Decides a request, and tells why. `who` is the identity proved.
    pub fn explain(&self, client: &ClientFacts, who: &Who, asked: &Asked<'_>) -> Explanation {
        let mut trace = Trace::default();
        let mut outcome = Outcome::default();
        let decision = self.judge_aloud(client, who, asked, &mut trace, &mut outcome);
        let scene = Scene { client, who, question: Question::request(asked, who) };
        let last = trace.rules.last().map(|asked| asked.rule);
        let rules: Vec<RuleExplanation> = trace.rules.into_iter().map(|asked| self.tell_rule(asked, &scene)).collect();
        let mut explanation = Explanation {
            allowed: true,
            rule: None,
            code: None,
            code_name: None,
            text: None,
            changed: (outcome.edit != SearchEdit::default()).then(|| outcome.edit.into()),
            rules,
        };
        match decision {
            None => {}
            Some(Decision::Refuse { rule, code, text }) => {
                explanation.allowed = false;
                explanation.rule = Some(self.rule_name(rule).to_owned());
                explanation.code = Some(code.0);
                explanation.code_name = ResultCode::name(code).map(ToOwned::to_owned);
                explanation.text = Some(text.to_string());
            }
            Some(_) => {
                // The walk ends with the rule that lets pass; where it did not match either, nothing did.
                let decided = explanation.rules.last().is_some_and(|rule| rule.matched && !rule.monitor);
                explanation.rule = Some(self.rule_name(last.filter(|_| decided)).to_owned());
            }
        }
        explanation
    }

    fn tell_rule(&self, asked: Heard, scene: &Scene<'_, '_>) -> RuleExplanation {
        let (effect, mode) = self.effect_of(asked.rule).unwrap_or_default();
        RuleExplanation {
            rule: self.rule_name(Some(asked.rule)).to_owned(),
            effect: if effect == Effect::Allow { "allow" } else { "deny" },
            monitor: mode == Mode::Monitor,
            matched: asked.failed.is_empty(),
            failed: asked
                .failed
                .into_iter()
                .map(|(key, truth)| Failed {
                    criterion: key.as_str(),
                    unreadable: truth == Truth::Unreadable,
                    asked: scene.tell_to(effect, key),
                })
                .collect(),
        }
    }
}

/// What was heard of the evaluation.
#[derive(Default)]
struct Trace {
    rules: Vec<Heard>,
}

struct Heard {
    rule: u16,
    failed: Vec<(Key, Truth)>,
}

impl Report for Trace {
    const FULL: bool = true;

    fn begin(&mut self, rule: u16) {
        self.rules.push(Heard { rule, failed: Vec::new() });
    }

    fn tell(&mut self, key: Key, truth: Truth) {
        if let Some(heard) = self.rules.last_mut()
            && truth != Truth::Yes
        {
            heard.failed.push((key, truth));
        }
    }
}

/// What is told of, criterion by criterion.
struct Scene<'q, 'a> {
    client: &'q ClientFacts,
    who: &'q Who,
    question: Question<'q, 'a>,
}

impl Scene<'_, '_> {
    /// What is told of a criterion of a rule with this effect: for a denial it matters how far below its target a
    /// search reaches.
    fn tell_to(&self, effect: Effect, key: Key) -> String {
        match (effect, key, self.question.scope()) {
            (Effect::Deny, Key::Base, Some(scope)) => {
                format!("{}, the scope {}", self.tell(key), scope_word(scope))
            }
            _ => self.tell(key),
        }
    }

    fn tell(&self, key: Key) -> String {
        let question = &self.question;
        match key {
            Key::From => match self.client.address {
                Some(address) => format!("the client's address is {address}"),
                None => "the client came by a unix socket".to_owned(),
            },
            Key::Listener => format!("the listener is {}", self.client.listener),
            Key::Tls => format!("TLS is {}", if self.client.tls { "on" } else { "off" }),
            Key::Certificate => self.tell_certificate(),
            Key::Identity => match question.bind() {
                Some(bind) => format!("the identity asked for is {}", identity(&Who::asked_by(bind))),
                None => format!("the identity proved is {}", identity(self.who)),
            },
            Key::Operations => format!("the operation is {}", question.kind()),
            Key::Mechanisms => match question.bind() {
                Some(bind) => format!("the mechanism is {}", String::from_utf8_lossy(mechanism(bind))),
                None => "the operation has no mechanism".to_owned(),
            },
            Key::Base => self.tell_target(),
            Key::Scope => match question.scope() {
                Some(scope) => format!("the scope is {}", scope_word(scope)),
                None => "the operation has no scope".to_owned(),
            },
            Key::Filter => match question.filter() {
                Ok(Some(filter)) => format!("the filter is {filter:?}"),
                Ok(None) => "the operation has no filter".to_owned(),
                Err(Unreadable) => "the filter cannot be normalised".to_owned(),
            },
            Key::FilterAttributes => self.tell_filter_attributes(),
            Key::Attributes => self.tell_attributes(),
            Key::Controls => {
                let names = question.controls().map(|oid| name_of(controls::CONTROLS, oid));
                format!("the controls are: {}", list(names))
            }
            Key::Extended => match question.extended() {
                Some(oid) => format!("the extended operation is {}", name_of(controls::EXTENDED, oid)),
                None => "the operation is no extended one".to_owned(),
            },
            Key::Changes => match question.operation() {
                Some(Operation::Modify(modify)) => {
                    let kinds = modify.changes.map(|change| format!("{:?}", change.operation).to_lowercase());
                    format!("the changes are: {}", list(kinds))
                }
                _ => "the operation changes no attribute".to_owned(),
            },
        }
    }

    fn tell_certificate(&self) -> String {
        let Some(certificate) = &self.client.certificate else { return "the client has no certificate".to_owned() };
        let subject = match &certificate.subject {
            Some(subject) => subject.to_string(),
            None => "one that cannot be normalised".to_owned(),
        };
        let names = list(certificate.names.iter().map(ToString::to_string));
        format!("the certificate's subject is {subject}, its names: {names}")
    }

    fn tell_target(&self) -> String {
        let target = match self.question.target() {
            Ok(Some(target)) if target.is_root() => "the target is the root".to_owned(),
            Ok(Some(target)) => format!("the target is {target}"),
            Ok(None) => "the operation has no target".to_owned(),
            Err(Unreadable) => "the target cannot be normalised".to_owned(),
        };
        match self.question.destination() {
            Ok(Some(destination)) => format!("{target}, its new name {destination}"),
            Ok(None) => target,
            Err(Unreadable) => format!("{target}, its new name cannot be normalised"),
        }
    }

    fn tell_filter_attributes(&self) -> String {
        match self.question.filter() {
            Ok(Some(filter)) => {
                let tested = filter.items().map(|item| match item.attribute() {
                    Some(attribute) => attribute.to_string(),
                    None => "any attribute".to_owned(),
                });
                format!("the filter tests: {}", list(tested))
            }
            Ok(None) => "the operation has no filter".to_owned(),
            Err(Unreadable) => "the filter cannot be normalised".to_owned(),
        }
    }

    fn tell_attributes(&self) -> String {
        let mut told = match (self.question.selectors(), self.question.touched()) {
            (Some(selectors), _) => format!("asked for: {}", selected(selectors)),
            (None, Ok(touched)) => {
                format!("touched: {}", list(touched.iter().map(|touched| touched.attribute.to_string())))
            }
            (None, Err(Unreadable)) => "touched is something that cannot be normalised".to_owned(),
        };
        for concern in self.question.concerns() {
            let beside = match concern {
                Ok(Concern::Sort(keys)) => format!("; sorted by: {}", list(keys.iter().map(ToString::to_string))),
                Ok(Concern::Assertion(filter)) => format!("; asserted: {filter:?}"),
                Ok(Concern::MatchedValues(filter)) => format!("; values matched by: {filter:?}"),
                Ok(Concern::PreRead(selectors) | Concern::PostRead(selectors)) => {
                    format!("; read beside: {}", selected(selectors))
                }
                Ok(Concern::OtherEntries) => "; a control shows other entries".to_owned(),
                Ok(Concern::VirtualListView) => String::new(),
                Err(Unreadable) => "; a control cannot be read".to_owned(),
            };
            told.push_str(&beside);
        }
        told
    }
}

fn identity(who: &Who) -> String {
    match who {
        Who::Anonymous => "anonymous".to_owned(),
        Who::Dn(dn) => dn.to_string(),
        Who::Upn { user, domain } => format!("{user}@{domain}"),
        Who::Account { domain, user } => format!("{domain}\\{user}"),
        Who::Unnamed => "known to the server alone".to_owned(),
        Who::Unreadable => "one that cannot be normalised".to_owned(),
    }
}

fn selected(selectors: &Selectors) -> String {
    let mut names: Vec<String> = Vec::new();
    names.extend(selectors.all_user.then(|| "*".to_owned()));
    names.extend(selectors.all_operational.then(|| "+".to_owned()));
    names.extend(selectors.named.iter().map(|(description, _)| description.to_string()));
    if selectors.odd > 0 {
        names.push(format!("{} that name no attribute", selectors.odd));
    }
    list(names.into_iter())
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn name_of(table: &[Known], oid: &[u8]) -> String {
    match table.iter().find(|known| controls::is_oid(oid, known.oid)) {
        Some(known) => known.name.to_owned(),
        None => String::from_utf8_lossy(oid).into_owned(),
    }
}

fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::BaseObject => "base",
        Scope::SingleLevel => "one",
        Scope::WholeSubtree => "sub",
        Scope::SubordinateSubtree => "children",
    }
}
