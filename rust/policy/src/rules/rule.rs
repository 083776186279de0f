//! One rule, compiled, and whether its criteria hold.
//!
//! A criterion that the rule lacks asks nothing. Where a rule allows, everything that is asked for must be within it,
//! and a criterion that speaks of what the operation has not (the scope of a bind) holds. Where a rule denies, one
//! thing within it is enough, so that nobody escapes a denial by asking for more, and such a criterion does not hold:
//! what is denied of searches is not denied of binds. The order is from cheap to dear; it changes no answer.

use std::sync::Arc;

use ipnet::IpNet;
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{ChangeKind, Operation, RequestKind, Scope};
use ostiary_ldap::result::ResultCode;

use super::attribute_list::{AttributeList, overlap};
use super::identity::{CertificateTest, Identity};
use super::question::{Question, mechanism};
use super::shape::Shape;
use super::spec::Effect;
use super::truth::{Key, Report, Tally, Truth};
use crate::asked::Unreadable;
use crate::controls::{CONTROLS, Concern, EXTENDED, is_harmless, is_oid};
use crate::decision::{Mode, SearchEdit};
use crate::facts::ClientFacts;
use crate::who::Who;

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: Box<str>,
    pub(crate) effect: Effect,
    pub(crate) code: ResultCode,
    pub(crate) text: Arc<str>,
    pub(crate) mode: Mode,
    pub(crate) from: Option<Vec<IpNet>>,
    pub(crate) listener: Option<Vec<Box<str>>>,
    pub(crate) tls: Option<bool>,
    pub(crate) certificate: Option<Vec<CertificateTest>>,
    pub(crate) identity: Option<Vec<Identity>>,
    pub(crate) operations: Option<Vec<RequestKind>>,
    pub(crate) mechanisms: Option<Vec<Box<str>>>,
    pub(crate) base: Option<Places>,
    pub(crate) scope: Option<Vec<Scope>>,
    pub(crate) filter: Option<Vec<Shape>>,
    pub(crate) filter_attributes: Option<Vec<AttributeDescription>>,
    pub(crate) attributes: Option<AttributeList>,
    pub(crate) narrow: bool,
    pub(crate) controls: Option<Vec<Box<str>>>,
    pub(crate) extended: Option<Vec<Box<str>>>,
    pub(crate) size_limit: Option<u32>,
    pub(crate) time_limit: Option<u32>,
    pub(crate) changes: Option<Vec<ChangeKind>>,
    pub(crate) aliases: bool,
}

/// Where a target may be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// A search of the root DSE alone.
    pub(crate) root_dse: bool,
    /// These entries and everything below.
    pub(crate) within: Vec<Dn>,
}

impl Places {
    fn hold(&self, place: Result<Option<&Dn>, Unreadable>, scope: Option<Scope>, none: Truth) -> Truth {
        match place {
            Err(Unreadable) => Truth::Unreadable,
            Ok(None) => none,
            Ok(Some(dn)) if dn.is_root() => (self.root_dse && scope == Some(Scope::BaseObject)).into(),
            Ok(Some(dn)) => self.within.iter().any(|base| dn.is_within(base)).into(),
        }
    }

    /// Whether a search that starts at `start` comes to one of the places from above. It never comes to the root DSE
    /// (RFC 4512 section 5.1).
    fn are_reached(&self, start: &Dn, scope: Scope) -> bool {
        self.within.iter().any(|place| {
            place.is_within(start)
                && match scope {
                    Scope::BaseObject => false,
                    Scope::SingleLevel => place.rdns().len() == start.rdns().len().saturating_add(1),
                    Scope::WholeSubtree | Scope::SubordinateSubtree => true,
                }
        })
    }
}

/// Says whether the reading that a control of a write amounts to would be allowed.
pub(crate) type Readings<'r> = &'r dyn Fn(&Question<'_, '_>, &Concern) -> Truth;

impl Rule {
    /// How a search that this rule allows is changed.
    pub(crate) fn edit(&self, question: &Question<'_, '_>) -> SearchEdit {
        let narrowed = match (&self.attributes, question.selectors()) {
            (Some(list), Some(asked)) if self.narrow => list.narrow(asked),
            _ => None,
        };
        SearchEdit {
            attributes: narrowed,
            size_limit: self.size_limit,
            time_limit: self.time_limit,
            never_deref_aliases: !self.aliases,
        }
    }

    /// Whether many must hold, or one.
    fn over(&self, truths: impl Iterator<Item = Truth>) -> Truth {
        match self.effect {
            Effect::Allow => truths.min().unwrap_or(Truth::Yes),
            Effect::Deny => truths.max().unwrap_or(Truth::No),
        }
    }

    /// Whether a criterion holds that speaks of what the operation has not.
    fn beside(&self) -> Truth {
        (self.effect == Effect::Allow).into()
    }

    /// What does not change while a client is connected.
    pub(crate) fn ask_client<R: Report>(&self, client: &ClientFacts, tally: &mut Tally<'_, R>) {
        if let Some(tls) = self.tls {
            tally.ask(Key::Tls, || (tls == client.tls).into());
        }
        if let Some(listeners) = &self.listener {
            tally.ask(Key::Listener, || listeners.iter().any(|listener| **listener == *client.listener).into());
        }
        if let Some(networks) = &self.from {
            tally.ask(Key::From, || {
                client.address.is_some_and(|address| networks.iter().any(|network| network.contains(&address))).into()
            });
        }
        if let Some(tests) = &self.certificate {
            let certificate = client.certificate.as_deref();
            tally.ask(Key::Certificate, || any(tests.iter().map(|test| test.holds(certificate))));
        }
    }

    /// Who a bind asks to be. An explicit anonymous bind is allowed by rules alone that speak of such clients.
    pub(crate) fn ask_identity_of_bind<R: Report>(&self, who: &Who, tally: &mut Tally<'_, R>) {
        if self.identity.is_none() && self.effect == Effect::Allow && who.is_anonymous() {
            tally.ask(Key::Identity, || Truth::No);
        }
        self.ask_identity(who, tally);
    }

    /// Who was proved.
    pub(crate) fn ask_identity<R: Report>(&self, who: &Who, tally: &mut Tally<'_, R>) {
        if let Some(identities) = &self.identity {
            tally.ask(Key::Identity, || any(identities.iter().map(|identity| identity.holds(who))));
        }
    }

    /// What is asked for.
    pub(crate) fn ask_request<R: Report>(
        &self,
        question: &Question<'_, '_>,
        readings: Readings<'_>,
        tally: &mut Tally<'_, R>,
    ) {
        if let Some(operations) = &self.operations {
            tally.ask(Key::Operations, || operations.contains(&question.kind()).into());
        }
        if question.bind().is_some() || self.mechanisms.is_some() {
            tally.ask(Key::Mechanisms, || self.holds_mechanism(question));
        }
        if let Some(scopes) = &self.scope {
            tally.ask(Key::Scope, || question.scope().map_or(self.beside(), |scope| scopes.contains(&scope).into()));
        }
        if question.extended().is_some() || self.extended.is_some() {
            tally.ask(Key::Extended, || self.holds_extended(question));
        }
        if let Some(kinds) = &self.changes {
            tally.ask(Key::Changes, || match question.operation() {
                Some(Operation::Modify(modify)) => {
                    self.over(modify.changes.map(|change| kinds.contains(&change.operation).into()))
                }
                _ => self.beside(),
            });
        }
        if let Some(places) = &self.base {
            tally.ask(Key::Base, || self.holds_base(places, question));
        }
        self.ask_filter(question, tally);
        if let Some(list) = &self.attributes {
            tally.ask(Key::Attributes, || self.holds_attributes(list, question));
        }
        tally.ask(Key::Controls, || self.holds_controls(question, readings));
    }

    fn ask_filter<R: Report>(&self, question: &Question<'_, '_>, tally: &mut Tally<'_, R>) {
        if let Some(shapes) = &self.filter {
            tally.ask(Key::Filter, || match (question.filter(), question.fingerprint()) {
                (Err(Unreadable), _) => Truth::Unreadable,
                (Ok(Some(filter)), Some(print)) => any(shapes.iter().map(|shape| shape.holds(filter, print))),
                _ => self.without_filter(question),
            });
        }
        if let Some(listed) = &self.filter_attributes {
            tally.ask(Key::FilterAttributes, || self.holds_filter_attributes(listed, question));
        }
    }

    /// A reading that has no filter is not asked about one.
    fn without_filter(&self, question: &Question<'_, '_>) -> Truth {
        if question.kind() == RequestKind::Search { Truth::Yes } else { self.beside() }
    }

    fn holds_mechanism(&self, question: &Question<'_, '_>) -> Truth {
        let Some(bind) = question.bind() else { return self.beside() };
        let asked = mechanism(bind);
        match (&self.mechanisms, self.effect) {
            (Some(listed), _) => listed.iter().any(|listed| listed.as_bytes().eq_ignore_ascii_case(asked)).into(),
            (None, Effect::Allow) => (asked == b"simple").into(),
            (None, Effect::Deny) => Truth::Yes,
        }
    }

    fn holds_extended(&self, question: &Question<'_, '_>) -> Truth {
        let Some(name) = question.extended() else { return self.beside() };
        let is_listed = |listed: &Vec<Box<str>>| listed.iter().any(|listed| is_oid(name, listed));
        match (&self.extended, self.effect) {
            (listed, Effect::Allow) => (is_harmless(EXTENDED, name) || listed.as_ref().is_some_and(is_listed)).into(),
            (Some(listed), Effect::Deny) => is_listed(listed).into(),
            (None, Effect::Deny) => Truth::Yes,
        }
    }

    fn holds_base(&self, places: &Places, question: &Question<'_, '_>) -> Truth {
        if self.effect == Effect::Deny && question.shows_other_entries() {
            return Truth::Yes;
        }
        let target = places.hold(question.target(), question.scope(), self.beside());
        if let (Effect::Deny, Ok(Some(start)), Some(scope)) = (self.effect, question.target(), question.scope()) {
            // Else a denial would be walked round from above.
            return target.max(places.are_reached(start, scope).into());
        }
        if question.kind() != RequestKind::ModifyDn {
            return target;
        }
        self.over([target, places.hold(question.destination(), None, self.beside())].into_iter())
    }

    fn holds_filter_attributes(&self, listed: &[AttributeDescription], question: &Question<'_, '_>) -> Truth {
        let within = |attribute: Option<&AttributeDescription>| -> Truth {
            match (attribute, self.effect) {
                (Some(asked), Effect::Allow) => listed.iter().any(|listed| listed.covers(asked)).into(),
                (Some(asked), Effect::Deny) => listed.iter().any(|listed| overlap(listed, asked)).into(),
                // An extensible match that names no attribute may test any.
                (None, effect) => (effect == Effect::Deny).into(),
            }
        };
        let filter = match question.filter() {
            Err(Unreadable) => return Truth::Unreadable,
            Ok(None) => return self.without_filter(question),
            Ok(Some(filter)) => filter,
        };
        // The filters in controls test as well as the search's own.
        let concerns = question.concerns().iter().filter_map(|concern| match concern {
            Ok(Concern::Assertion(filter) | Concern::MatchedValues(filter)) => Some(filter),
            _ => None,
        });
        self.over(concerns.chain([filter]).flat_map(Filter::items).map(|item| within(item.attribute())))
    }

    fn holds_attributes(&self, list: &AttributeList, question: &Question<'_, '_>) -> Truth {
        if let Some(asked) = question.selectors() {
            let selected = match self.effect {
                Effect::Allow if self.narrow && question.operation().is_some() => Truth::Yes,
                Effect::Allow => list.covers_selectors(asked),
                Effect::Deny => list.touches_selectors(asked),
            };
            let concerns = question.concerns().iter().map(|concern| self.holds_concern(list, concern.as_ref()));
            return self.over(concerns.chain([selected]));
        }
        match (question.kind(), question.touched()) {
            (RequestKind::Compare | RequestKind::Add | RequestKind::Modify | RequestKind::ModifyDn, touched) => {
                let Ok(touched) = touched else { return Truth::Unreadable };
                self.over(touched.iter().map(|touched| match self.effect {
                    Effect::Allow => list.covers(&touched.attribute).into(),
                    Effect::Deny => (list.all_user || list.touches(&touched.attribute)).into(),
                }))
            }
            _ => self.beside(),
        }
    }

    /// Whether what a search's control says of attributes is within the list.
    fn holds_concern(&self, list: &AttributeList, concern: Result<&Concern, &Unreadable>) -> Truth {
        let named = |asked: &AttributeDescription| -> Truth {
            match self.effect {
                Effect::Allow => list.covers(asked).into(),
                Effect::Deny => list.touches(asked).into(),
            }
        };
        match concern {
            Err(Unreadable) => Truth::Unreadable,
            // Whoever lists such a control lets it show what it likes; a denial holds for that, too.
            Ok(Concern::OtherEntries) => (self.effect == Effect::Deny || self.controls.is_some()).into(),
            // The keys are the sort control's, which is judged for itself.
            Ok(Concern::VirtualListView) => self.over(core::iter::empty()),
            Ok(Concern::Sort(keys)) => self.over(keys.iter().map(named)),
            Ok(Concern::Assertion(filter) | Concern::MatchedValues(filter)) => {
                self.over(filter.items().map(|item| match item.attribute() {
                    Some(attribute) => named(attribute),
                    None => (self.effect == Effect::Deny).into(),
                }))
            }
            Ok(Concern::PreRead(asked) | Concern::PostRead(asked)) => match self.effect {
                Effect::Allow => list.covers_selectors(asked),
                Effect::Deny => list.touches_selectors(asked),
            },
        }
    }

    fn holds_controls(&self, question: &Question<'_, '_>, readings: Readings<'_>) -> Truth {
        let listed = self.controls.as_deref();
        let is_listed = |name: &[u8]| listed.unwrap_or_default().iter().any(|listed| is_oid(name, listed));
        if question.bind().is_some() {
            // Binds are judged by who and how alone.
            return if listed.is_some() { self.beside() } else { Truth::Yes };
        }
        if self.effect == Effect::Deny {
            return (listed.is_none() || question.controls().any(is_listed)).into();
        }
        if !question.controls().all(|name| is_harmless(CONTROLS, name) || is_listed(name)) {
            return Truth::No;
        }
        let is_search = question.kind() == RequestKind::Search;
        let concerns = question.concerns().iter().map(|concern| match concern {
            Err(Unreadable) => Truth::Unreadable,
            // Of a search, the criterion that lists attributes has asked already.
            Ok(_) if is_search => Truth::Yes,
            Ok(concern) => readings(question, concern),
        });
        concerns.min().unwrap_or(Truth::Yes)
    }
}

/// One of them is enough.
fn any(truths: impl Iterator<Item = Truth>) -> Truth {
    truths.max().unwrap_or(Truth::No)
}
