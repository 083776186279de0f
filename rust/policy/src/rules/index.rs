//! Which rules may be about a client, an identity or an entry at all, found without asking each.
//!
//! It decides nothing: it may name a rule that does not match, and never leaves out one whose criteria would not all
//! be asked to know that. What it names is asked in full.

use std::collections::HashMap;

use ipnet::IpNet;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{RequestKind, Scope};
use prefix_trie::joint::map::JointPrefixMap;

use super::dn_tree::DnTree;
use super::identity::Identity;
use super::rule::Rule;
use super::rule_set::RuleSet;
use super::spec::Effect;
use crate::facts::ClientFacts;
use crate::who::Who;

/// Rules by what they ask.
#[derive(Debug, Default)]
pub(crate) struct Index {
    all: RuleSet,
    anywhere: RuleSet,
    networks: JointPrefixMap<IpNet, RuleSet>,
    any_listener: RuleSet,
    listeners: HashMap<Box<str>, RuleSet>,
    without_tls: RuleSet,
    with_tls: RuleSet,
    anybody: RuleSet,
    anonymous: RuleSet,
    authenticated: RuleSet,
    names: DnTree<RuleSet>,
    others: HashMap<Who, RuleSet>,
    domains: HashMap<Box<str>, RuleSet>,
    operations: [RuleSet; RequestKind::ALL.len()],
    scopes: [RuleSet; 4],
    any_base: RuleSet,
    denied_places: RuleSet,
    bases: DnTree<RuleSet>,
    any_filter: RuleSet,
    filters: HashMap<u64, RuleSet>,
}

impl Index {
    /// The index of `rules`, of which there are no more than a set can number.
    pub(crate) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (number, rule) in (0_u16..).zip(rules) {
            index.add(number, rule);
        }
        index
    }

    fn add(&mut self, number: u16, rule: &Rule) {
        self.all.insert(number);
        match &rule.from {
            None => self.anywhere.insert(number),
            Some(networks) => {
                for network in networks {
                    self.networks.entry(*network).or_default().insert(number);
                }
            }
        }
        match &rule.listener {
            None => self.any_listener.insert(number),
            Some(listeners) => {
                for name in listeners {
                    self.listeners.entry(name.clone()).or_default().insert(number);
                }
            }
        }
        if rule.tls != Some(true) {
            self.without_tls.insert(number);
        }
        if rule.tls != Some(false) {
            self.with_tls.insert(number);
        }
        self.add_identities(number, rule.identity.as_deref());
        for (kind, set) in RequestKind::ALL.iter().zip(&mut self.operations) {
            if rule.operations.as_ref().is_none_or(|listed| listed.contains(kind)) {
                set.insert(number);
            }
        }
        for (scope, set) in SCOPES.iter().zip(&mut self.scopes) {
            if rule.scope.as_ref().is_none_or(|listed| listed.contains(scope)) {
                set.insert(number);
            }
        }
        match &rule.filter {
            None => self.any_filter.insert(number),
            Some(shapes) => {
                for shape in shapes {
                    self.filters.entry(shape.fingerprint()).or_default().insert(number);
                }
            }
        }
        match &rule.base {
            Some(places) if !places.root_dse => {
                for base in &places.within {
                    if let Some(set) = self.bases.at(base) {
                        set.insert(number);
                    }
                }
                if rule.effect == Effect::Deny {
                    self.denied_places.insert(number);
                }
            }
            _ => self.any_base.insert(number),
        }
    }

    fn add_identities(&mut self, number: u16, identities: Option<&[Identity]>) {
        let Some(identities) = identities else {
            self.anybody.insert(number);
            return;
        };
        for identity in identities {
            match identity {
                Identity::Any => self.anybody.insert(number),
                Identity::Authenticated => self.authenticated.insert(number),
                Identity::Anonymous => self.anonymous.insert(number),
                Identity::Exact(Who::Dn(dn)) | Identity::Within(dn) => {
                    if let Some(set) = self.names.at(dn) {
                        set.insert(number);
                    }
                }
                Identity::Exact(who) => self.others.entry(who.clone()).or_default().insert(number),
                Identity::UpnDomain(domain) => self.domains.entry(domain.clone()).or_default().insert(number),
            }
        }
    }

    /// Rules that may be about this client.
    pub(crate) fn about_client(&self, client: &ClientFacts) -> RuleSet {
        let mut found = self.anywhere.clone();
        if let Some(address) = client.address {
            self.networks.cover_values(&IpNet::from(address)).for_each(|set| found.extend(set));
        }
        let mut by_listener = self.any_listener.clone();
        if let Some(set) = self.listeners.get(&*client.listener) {
            by_listener.extend(set);
        }
        found.keep(&by_listener);
        found.keep(if client.tls { &self.with_tls } else { &self.without_tls });
        found
    }

    /// Rules that may be about this identity.
    pub(crate) fn about_identity(&self, who: &Who) -> RuleSet {
        let mut found = self.anybody.clone();
        match who {
            Who::Anonymous => found.extend(&self.anonymous),
            Who::Unreadable => found.extend(&self.all),
            Who::Dn(_) | Who::Upn { .. } | Who::Account { .. } | Who::Unnamed => found.extend(&self.authenticated),
        }
        match who {
            Who::Dn(dn) => self.names.walk(dn, |set| found.extend(set)),
            Who::Upn { domain, .. } => {
                self.domains.get(domain).into_iter().for_each(|set| found.extend(set));
                self.others.get(who).into_iter().for_each(|set| found.extend(set));
            }
            Who::Account { .. } => self.others.get(who).into_iter().for_each(|set| found.extend(set)),
            _ => {}
        }
        found
    }

    /// Rules that may be about requests of this kind.
    #[inline]
    pub(crate) fn about_kind(&self, kind: RequestKind) -> Option<&RuleSet> {
        RequestKind::ALL.iter().zip(&self.operations).find(|(known, _)| **known == kind).map(|(_, set)| set)
    }

    /// Rules that may be about searches of this scope.
    #[inline]
    pub(crate) fn about_scope(&self, scope: Scope) -> Option<&RuleSet> {
        SCOPES.iter().zip(&self.scopes).find(|(known, _)| **known == scope).map(|(_, set)| set)
    }

    /// Rules that may be about a filter with this fingerprint.
    pub(crate) fn about_filter(&self, fingerprint: u64) -> RuleSet {
        let mut found = self.any_filter.clone();
        self.filters.get(&fingerprint).into_iter().for_each(|set| found.extend(set));
        found
    }

    /// Rules that may be about this entry, or for a search about what is below it.
    pub(crate) fn about_target(&self, target: &Dn, scope: Option<Scope>) -> RuleSet {
        let mut found = self.any_base.clone();
        self.bases.walk(target, |set| found.extend(set));
        // A search comes to denied places from above.
        if scope.is_some_and(|scope| scope != Scope::BaseObject) {
            found.extend(&self.denied_places);
        }
        found
    }
}

const SCOPES: [Scope; 4] = [Scope::BaseObject, Scope::SingleLevel, Scope::WholeSubtree, Scope::SubordinateSubtree];
