//! Rules that are sound and yet cannot do what their author meant: those that never match, and those that an earlier
//! one always forestalls.
//!
//! Only what is certain is told. Of two criteria that are not comparable here, such as shapes of filters that differ,
//! nothing is said.

use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::message::{RequestKind, Scope};
use serde::Serialize;

use super::AllowList;
use super::attribute_list::AttributeList;
use super::identity::{CertificateTest, Identity, is_below};
use super::rule::{Places, Rule};
use super::spec::Effect;
use crate::controls::is_oid;
use crate::decision::Mode;
use crate::who::Who;

/// Something about a rule that its author should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The rule's name.
    pub rule: String,
    /// What is the matter: lower case, no full stop.
    pub message: String,
}

impl AllowList {
    /// What the rules' author should know, in the order of the rules.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            let mut warn = |message: String| warnings.push(Warning { rule: rule.name.to_string(), message });
            contradictions(rule).into_iter().for_each(&mut warn);
            idle_keys(rule).into_iter().for_each(&mut warn);
            let earlier = self.rules.iter().take(place).filter(|earlier| earlier.mode == Mode::Enforce);
            if let Some(earlier) = earlier.into_iter().find(|earlier| forestalls(earlier, rule)) {
                warn(format!("never decides, everything it matches is decided by an earlier rule: {}", earlier.name));
            }
        }
        warnings
    }
}

fn does(rule: &Rule, kinds: &[RequestKind]) -> bool {
    rule.operations.as_ref().is_none_or(|listed| listed.iter().any(|kind| kinds.contains(kind)))
}

const SEARCH: &[RequestKind] = &[RequestKind::Search];
const WITH_ATTRIBUTES: &[RequestKind] =
    &[RequestKind::Search, RequestKind::Compare, RequestKind::Add, RequestKind::Modify, RequestKind::ModifyDn];
const WITH_TARGET: &[RequestKind] = &[
    RequestKind::Search,
    RequestKind::Compare,
    RequestKind::Add,
    RequestKind::Modify,
    RequestKind::Delete,
    RequestKind::ModifyDn,
    RequestKind::Extended,
];

/// Criteria that cannot hold together.
fn contradictions(rule: &Rule) -> Vec<String> {
    let mut found = Vec::new();
    let mut never = |why: &str| found.push(format!("never matches, {why}"));
    if rule.certificate.is_some() && rule.tls == Some(false) {
        never("a client without TLS has no certificate");
    }
    let only_root_dse = rule.base.as_ref().is_some_and(|base| base.root_dse && base.within.is_empty());
    let binds = rule.effect == Effect::Allow && does(rule, &[RequestKind::Bind]);
    if only_root_dse && !binds {
        if !does(rule, SEARCH) {
            never("base = \"rootDSE\" speaks of searches alone");
        } else if rule.scope.as_ref().is_some_and(|scopes| !scopes.contains(&Scope::BaseObject)) {
            never("base = \"rootDSE\" needs the scope \"base\"");
        }
    }
    let only_binds = rule.operations.as_ref().is_some_and(|kinds| kinds.iter().all(|kind| *kind == RequestKind::Bind));
    let named =
        |identity: &Identity| !matches!(identity, Identity::Any | Identity::Authenticated | Identity::Anonymous);
    let others = |mechanisms: &Vec<Box<str>>| !mechanisms.iter().any(|name| name.eq_ignore_ascii_case("simple"));
    if only_binds
        && rule.mechanisms.as_ref().is_some_and(others)
        && rule.identity.as_ref().is_some_and(|identities| identities.iter().all(named))
    {
        never("only a simple bind says who it is for, and mechanisms lacks \"simple\"");
    }
    if rule.effect == Effect::Deny
        && let Some(key) = denied_beside(rule)
    {
        never(&format!("none of its operations has what {key} speaks of"));
    }
    found
}

/// The criterion of a denying rule that no operation of its can hold.
fn denied_beside(rule: &Rule) -> Option<&'static str> {
    speaking(rule).into_iter().find(|(_, is_there, kinds)| *is_there && !does(rule, kinds)).map(|(key, ..)| key)
}

type Speaking = (&'static str, bool, &'static [RequestKind]);

/// The keys that speak of some operations only: whether they are there, and which operations those are.
fn speaking(rule: &Rule) -> [Speaking; 8] {
    [
        ("mechanisms", rule.mechanisms.is_some(), &[RequestKind::Bind]),
        ("base", rule.base.is_some(), WITH_TARGET),
        ("scope", rule.scope.is_some(), SEARCH),
        ("filter", rule.filter.is_some(), SEARCH),
        ("filter_attributes", rule.filter_attributes.is_some(), SEARCH),
        ("attributes", rule.attributes.is_some(), WITH_ATTRIBUTES),
        ("extended", rule.extended.is_some(), &[RequestKind::Extended]),
        ("changes", rule.changes.is_some(), &[RequestKind::Modify]),
    ]
}

/// Keys that have no effect.
fn idle_keys(rule: &Rule) -> Vec<String> {
    let mut found = Vec::new();
    if rule.effect == Effect::Allow {
        let refining: [Speaking; 4] = [
            ("narrow", rule.narrow, SEARCH),
            ("size_limit", rule.size_limit.is_some(), SEARCH),
            ("time_limit", rule.time_limit.is_some(), SEARCH),
            ("aliases", rule.aliases, SEARCH),
        ];
        for (key, is_there, kinds) in speaking(rule).into_iter().chain(refining) {
            if is_there && !does(rule, kinds) {
                let words: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
                found.push(format!("{key} has no effect, it speaks of {} and the rule has none", words.join(", ")));
            }
        }
    }
    if rule.narrow && rule.attributes.is_none() {
        found.push("narrow has no effect without attributes to cut down to".to_owned());
    }
    found
}

/// Whether `earlier` matches whatever `later` does: each of its criteria is one of the later's, or wider.
fn forestalls(earlier: &Rule, later: &Rule) -> bool {
    who_forestalls(earlier, later) && what_forestalls(earlier, later)
}

/// Whether the first is not there, or the second is and within it.
fn wider<T>(earlier: Option<&T>, later: Option<&T>, is_wider: impl FnOnce(&T, &T) -> bool) -> bool {
    match (earlier, later) {
        (None, _) => true,
        (Some(earlier), Some(later)) => is_wider(earlier, later),
        (Some(_), None) => false,
    }
}

/// Whether each of the second list is within one of the first.
fn each_in<T>(earlier: &[T], later: &[T], is_within: impl Fn(&T, &T) -> bool) -> bool {
    later.iter().all(|later| earlier.iter().any(|earlier| is_within(earlier, later)))
}

fn who_forestalls(earlier: &Rule, later: &Rule) -> bool {
    wider(earlier.from.as_ref(), later.from.as_ref(), |one, other| {
        each_in(one, other, |network, within| network.contains(within))
    }) && wider(earlier.listener.as_ref(), later.listener.as_ref(), |one, other| each_in(one, other, PartialEq::eq))
        && wider(earlier.tls.as_ref(), later.tls.as_ref(), PartialEq::eq)
        && wider(earlier.certificate.as_ref(), later.certificate.as_ref(), |one, other| {
            each_in(one, other, certificate_covers)
        })
        && wider(earlier.identity.as_ref(), later.identity.as_ref(), |one, other| each_in(one, other, identity_covers))
        && !(spares_anonymous_binds(earlier) && meets_anonymous_binds(later))
}

/// Whether a rule without an identity leaves explicit anonymous binds to those that speak of them.
fn spares_anonymous_binds(rule: &Rule) -> bool {
    rule.effect == Effect::Allow && rule.identity.is_none()
}

fn meets_anonymous_binds(rule: &Rule) -> bool {
    let anonymous = |identity: &Identity| matches!(identity, Identity::Any | Identity::Anonymous);
    let is_met = match &rule.identity {
        Some(identities) => identities.iter().any(anonymous),
        None => rule.effect == Effect::Deny,
    };
    is_met && does(rule, &[RequestKind::Bind])
}

fn certificate_covers(earlier: &CertificateTest, later: &CertificateTest) -> bool {
    match (earlier, later) {
        (CertificateTest::Within(parent), CertificateTest::Subject(dn)) => is_below(dn, parent),
        (CertificateTest::Within(parent), CertificateTest::Within(dn)) => dn.is_within(parent),
        _ => earlier == later,
    }
}

fn identity_covers(earlier: &Identity, later: &Identity) -> bool {
    match (earlier, later) {
        (Identity::Any, _) => true,
        (Identity::Authenticated, later) => !matches!(later, Identity::Any | Identity::Anonymous),
        (Identity::Within(parent), Identity::Exact(Who::Dn(dn))) => is_below(dn, parent),
        (Identity::Within(parent), Identity::Within(dn)) => dn.is_within(parent),
        (Identity::UpnDomain(domain), Identity::Exact(Who::Upn { domain: of, .. })) => domain == of,
        _ => earlier == later,
    }
}

fn what_forestalls(earlier: &Rule, later: &Rule) -> bool {
    let operations =
        wider(earlier.operations.as_ref(), later.operations.as_ref(), |one, other| each_in(one, other, PartialEq::eq));
    operations && how_forestalls(earlier, later) && asking_forestalls(earlier, later)
}

/// Of binds, controls and extended operations, where what a rule does not say depends on its effect.
fn how_forestalls(earlier: &Rule, later: &Rule) -> bool {
    let oids = |one: &Option<Vec<Box<str>>>, other: &Option<Vec<Box<str>>>| match (earlier.effect, later.effect) {
        (Effect::Deny, _) => one.is_none(),
        (Effect::Allow, Effect::Deny) => false,
        (Effect::Allow, Effect::Allow) => other.as_ref().is_none_or(|other| {
            one.as_ref().is_some_and(|one| each_in(one, other, |one, other| is_oid(other.as_bytes(), one)))
        }),
    };
    let binds = !does(later, &[RequestKind::Bind])
        || match (&earlier.mechanisms, earlier.effect, &later.mechanisms, later.effect) {
            (None, Effect::Deny, ..) | (None, Effect::Allow, None, Effect::Allow) => true,
            (Some(one), _, Some(other), _) => each_in(one, other, |one, other| one.eq_ignore_ascii_case(other)),
            (Some(one), _, None, Effect::Allow) => one.iter().any(|name| name.eq_ignore_ascii_case("simple")),
            _ => false,
        };
    let extended = !does(later, &[RequestKind::Extended]) || oids(&earlier.extended, &later.extended);
    // A denying rule's mechanisms, or extended operations, keep it from matching anything else.
    let only = earlier.effect == Effect::Allow || (earlier.mechanisms.is_none() && earlier.extended.is_none());
    let only_binds = later.operations.as_ref().is_some_and(|kinds| kinds.iter().all(|kind| *kind == RequestKind::Bind));
    let controls = (earlier.effect == Effect::Allow && only_binds) || oids(&earlier.controls, &later.controls);
    binds && extended && controls && only
}

/// Of the rest of what is asked for. A denying rule with such criteria matches less than they say: nothing is certain.
fn asking_forestalls(earlier: &Rule, later: &Rule) -> bool {
    if earlier.effect == Effect::Deny {
        return earlier.base.is_none()
            && earlier.scope.is_none()
            && earlier.filter.is_none()
            && earlier.filter_attributes.is_none()
            && earlier.attributes.is_none()
            && earlier.changes.is_none();
    }
    // A denying rule matches requests that have something of what it lists, and more beside.
    let listed_alike = later.effect == Effect::Allow;
    wider(earlier.base.as_ref(), later.base.as_ref(), places_cover)
        && (listed_alike || !(moves_out(earlier, later) || reaches_out(earlier, later)))
        && (!does(later, SEARCH)
            || (wider(earlier.scope.as_ref(), later.scope.as_ref(), |one, other| each_in(one, other, PartialEq::eq))
                && wider(earlier.filter.as_ref(), later.filter.as_ref(), |one, other| {
                    each_in(one, other, PartialEq::eq)
                })
                && wider(earlier.filter_attributes.as_ref(), later.filter_attributes.as_ref(), |one, other| {
                    listed_alike && each_in(one, other, AttributeDescription::covers)
                })))
        && (!does(later, WITH_ATTRIBUTES)
            || wider(earlier.attributes.as_ref(), later.attributes.as_ref(), |one, other| {
                listed_alike && (earlier.narrow || !later.narrow) && attributes_cover(one, other)
            }))
        && (!does(later, &[RequestKind::Modify])
            || wider(earlier.changes.as_ref(), later.changes.as_ref(), |one, other| {
                listed_alike && each_in(one, other, PartialEq::eq)
            }))
}

/// Whether a denied move may start or end outside of what the earlier rule allows.
fn moves_out(earlier: &Rule, later: &Rule) -> bool {
    earlier.base.is_some() && does(later, &[RequestKind::ModifyDn])
}

/// Whether a denied search may start above what the earlier rule allows.
fn reaches_out(earlier: &Rule, later: &Rule) -> bool {
    let reaches = |scopes: &Vec<Scope>| scopes.iter().any(|scope| *scope != Scope::BaseObject);
    earlier.base.is_some() && does(later, SEARCH) && later.scope.as_ref().is_none_or(reaches)
}

fn places_cover(earlier: &Places, later: &Places) -> bool {
    (earlier.root_dse || !later.root_dse) && each_in(&earlier.within, &later.within, |one, other| other.is_within(one))
}

fn attributes_cover(earlier: &AttributeList, later: &AttributeList) -> bool {
    (earlier.all_user || !later.all_user)
        && (earlier.all_operational || !later.all_operational)
        && later.named.iter().all(|(listed, _)| earlier.covers(listed))
}
