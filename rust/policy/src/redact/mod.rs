//! `redact`: attributes, entries and host names that are hidden from some clients, in what they ask and what they see.
//!
//! Every rule that applies to a client hides what it names; the rules have no order. Hidden attributes and entries
//! are cut out of responses by slicing ([`Redaction::response`]), the rest keeping its bytes; requests that would
//! tell of them otherwise are refused ([`Redact::judge`]): with insufficientAccessRights(50), or, where the target
//! itself is hidden, with noSuchObject(32) and no matchedDN, as for an entry that is not there.
//!
//! Spellings do not matter where they are known: names, object identifiers, options, ranges, subtypes. What is not
//! known to the table of attribute types (second names and object identifiers of a site's own types, links back like
//! `memberOf` to `member`) an operator has to list. It is not known here whether a message was forwarded, or to whom.

mod applies;
mod entry;
mod explain;
mod glance;
mod hosts;
mod rebuild;
mod referral;
mod request;
mod response;
mod response_controls;
mod rule;
mod secrets;
mod slices;
mod spec;
mod spellings;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use ostiary_ldap::result::ResultCode;

use crate::asked::Asked;
use crate::decision::{Decision, Mode, Note, Outcome};
use crate::facts::ClientFacts;
use crate::fault::Faults;
use crate::who::Who;

use hosts::Hosts;
use referral::GatewayUrl;
use request::Why;
use rule::Rule;
use secrets::Secrets;

pub use explain::RuleReport;
pub use glance::LastNames;
pub use response::{Fate, Redaction};
pub use spec::{HostNames, RedactRuleSpec, RedactSpec, UnlessSpec};

/// The rules of one stage, compiled.
#[derive(Debug)]
pub struct Redact {
    rules: Vec<Rule>,
    hosts: Arc<Hosts>,
    /// What is hidden from a client to whom no rule applies.
    least: Option<Arc<Redaction>>,
    /// What is hidden from a client to whom all enforced rules apply.
    most: Option<Arc<Redaction>>,
    texts: Texts,
}

/// What a refused client is told.
#[derive(Debug)]
struct Texts {
    hidden: Arc<str>,
    tells: Arc<str>,
    unreadable: Arc<str>,
}

impl Redact {
    /// The rules that `spec` is; none if something is wrong with it.
    pub fn compile(spec: &RedactSpec, faults: &mut Faults) -> Option<Self> {
        // The count alone tells whether this stage added a fault to those of others.
        let mut own = Faults::default();
        let hosts = Arc::new(compile_hosts(spec, &mut own));
        let mut rules = Vec::new();
        let mut names = HashSet::new();
        own.within("rules", |faults| {
            for (place, rule) in spec.rules.iter().enumerate() {
                faults.within(format_args!("[{place}]"), |faults| {
                    let Ok(place) = u16::try_from(place) else { return faults.add("too many rules: 65536 at most") };
                    if !names.insert(rule.name.as_str()) {
                        let message = format!("another rule has this name; give each its own: {}", rule.name);
                        faults.within("name", |faults| faults.add(message));
                    }
                    rules.push(Rule::compile(rule, place, &hosts, faults));
                });
            }
        });
        let is_sound = own.is_empty();
        for fault in own.into_vec() {
            faults.within(fault.path, |faults| faults.add(fault.message));
        }
        is_sound.then(|| Self::new(rules, hosts))
    }

    fn new(rules: Vec<Rule>, hosts: Arc<Hosts>) -> Self {
        let least = hosts.is_any().then(|| {
            let hosts = Arc::clone(&hosts);
            Arc::new(Redaction { secrets: Secrets::default(), hosts })
        });
        let texts =
            Texts { hidden: "".into(), tells: "not allowed here".into(), unreadable: "cannot be normalised".into() };
        let mut redact = Self { rules, hosts, least, most: None, texts };
        redact.most = redact.combine(Mode::Enforce, |_| true);
        redact
    }

    /// What a rule is called.
    pub fn rule_name(&self, rule: u16) -> Option<&str> {
        self.rules.get(usize::from(rule)).map(|rule| &*rule.name)
    }

    /// The rules' names, in the order of their numbers.
    pub fn rule_names(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| &*rule.name)
    }

    /// What is hidden from a client, by which its responses go; none if nothing is, so that they need no look.
    ///
    /// It is the same until the client's identity changes, and a request's answer goes by what its client was when it
    /// asked. Rules in monitor mode have no part in it.
    pub fn view(&self, client: &ClientFacts, who: &Who) -> Option<Arc<Redaction>> {
        let mut applying = self.enforced().filter(|rule| rule.applies(client, who));
        let Some(first) = applying.next() else { return self.least.clone() };
        let count = applying.count().saturating_add(1);
        if count == 1 {
            Some(Arc::clone(&first.alone))
        } else if count == self.enforced().count() {
            self.most.clone()
        } else {
            self.combine(Mode::Enforce, |rule| rule.applies(client, who))
        }
    }

    /// What rules in monitor mode would hide from a client: whoever gives it the responses, and forwards them as they
    /// came, learns what would have become of them.
    pub fn monitored_view(&self, client: &ClientFacts, who: &Who) -> Option<Arc<Redaction>> {
        self.combine(Mode::Monitor, |rule| rule.applies(client, who))
    }

    fn enforced(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| rule.mode == Mode::Enforce)
    }

    fn combine(&self, mode: Mode, applies: impl Fn(&Rule) -> bool) -> Option<Arc<Redaction>> {
        let each = (0..=u16::MAX).zip(&self.rules);
        let mut parts = each.filter(|(_, rule)| rule.mode == mode && applies(rule)).peekable();
        parts.peek()?;
        let secrets = Secrets::new(parts.map(|(place, rule)| rule.part(place)));
        let hosts = if mode == Mode::Monitor { Arc::default() } else { Arc::clone(&self.hosts) };
        Some(Arc::new(Redaction { secrets, hosts }))
    }

    /// Whether a request may go on.
    pub fn judge(&self, client: &ClientFacts, who: &Who, asked: &Asked<'_>, outcome: &mut Outcome) -> Decision {
        for (place, rule) in (0..=u16::MAX).zip(&self.rules) {
            if !rule.applies(client, who) {
                continue;
            }
            let Some((_, why)) = request::refusal(&rule.alone.secrets, asked) else { continue };
            let (code, text) = self.answer(why);
            if rule.mode == Mode::Monitor {
                outcome.notes.push(Note { rule: Some(place), code: Some(code) });
            } else {
                return Decision::Refuse { rule: Some(place), code, text: Arc::clone(text) };
            }
        }
        Decision::Pass
    }

    fn answer(&self, why: Why) -> (ResultCode, &Arc<str>) {
        match why {
            Why::Hidden => (ResultCode::NO_SUCH_OBJECT, &self.texts.hidden),
            Why::Tells => (ResultCode::INSUFFICIENT_ACCESS_RIGHTS, &self.texts.tells),
            Why::Unreadable => (ResultCode::INSUFFICIENT_ACCESS_RIGHTS, &self.texts.unreadable),
        }
    }
}

fn compile_hosts(spec: &RedactSpec, faults: &mut Faults) -> Hosts {
    let is_rewritten = [spec.referrals, spec.root_dse].contains(&HostNames::Rewrite);
    let gateway = faults.within("referral_url", |faults| match &spec.referral_url {
        Some(url) => faults.take(GatewayUrl::parse(url)),
        None if is_rewritten => {
            faults.add("rewrite needs the URL by which clients reach the gateway: ldaps://ldap.example.org");
            None
        }
        None => None,
    });
    Hosts { referrals: spec.referrals, root_dse: spec.root_dse, gateway }
}
