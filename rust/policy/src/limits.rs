//! `limits`: how large or unselective a request may be.
//!
//! It knows no entries: what a filter would find is guessed from its form alone. Each limit is a rule of its own for
//! logs and metrics, called by its key. A search whose filter cannot be normalised is refused where a limit depends on
//! it.

use std::sync::Arc;

use ipnet::IpNet;
use ostiary_ldap::filter::{Filter, FilterRef, Item, Members, View};
use ostiary_ldap::message::{Operation, Scope, SearchRequest, paged_results};
use ostiary_ldap::oid::PAGED_RESULTS_OID;
use ostiary_ldap::prepare::prepare;
use ostiary_ldap::result::ResultCode;
use serde::Deserialize;
use smallvec::SmallVec;

use crate::asked::{Asked, Unreadable};
use crate::controls::is_oid;
use crate::decision::{Decision, Outcome};
use crate::facts::ClientFacts;
use crate::fault::Faults;
use crate::rules::identity::Identity;
use crate::rules::truth::Truth;
use crate::rules::{CodeSpec, IdentitySpec, code, each, network, text};
use crate::spec::OneOrMany;
use crate::who::Who;

/// The limits, as data.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsSpec {
    /// Whose requests are limited, by network; everybody's if there is none.
    #[serde(default)]
    pub from: Option<OneOrMany<String>>,
    /// Whose requests are limited, by identity; everybody's if there is none.
    #[serde(default)]
    pub identity: Option<OneOrMany<IdentitySpec>>,
    /// How many octets the longest part of a substring filter must have, of those that are compared; 0 is no limit.
    #[serde(default)]
    pub substring_length: usize,
    /// Whether a search below its base may have a filter that lets through all that merely has an attribute.
    #[serde(default = "yes")]
    pub presence_only: bool,
    /// How many nodes a filter may have, the parts of substrings included.
    #[serde(default)]
    pub filter_nodes: Option<usize>,
    /// How many attribute selectors a search may have.
    #[serde(default)]
    pub attributes: Option<usize>,
    /// How many entries one page of a paged search may have.
    #[serde(default)]
    pub page_size: Option<u32>,
    /// The result code of refusals, instead of each limit's own.
    #[serde(default)]
    pub code: Option<CodeSpec>,
    /// The diagnostic message of refusals, instead of each limit's own.
    #[serde(default)]
    pub text: Option<String>,
}

fn yes() -> bool {
    true
}

/// One limit, as logs call it, with what the client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limit {
    SubstringLength,
    PresenceOnly,
    FilterNodes,
    Attributes,
    PageSize,
}

impl Limit {
    /// Every limit, by its number.
    const ALL: [Self; 5] =
        [Self::SubstringLength, Self::PresenceOnly, Self::FilterNodes, Self::Attributes, Self::PageSize];

    fn name(self) -> &'static str {
        match self {
            Self::SubstringLength => "substring_length",
            Self::PresenceOnly => "presence_only",
            Self::FilterNodes => "filter_nodes",
            Self::Attributes => "attributes",
            Self::PageSize => "page_size",
        }
    }

    fn code(self) -> ResultCode {
        match self {
            Self::SubstringLength | Self::PresenceOnly => ResultCode::UNWILLING_TO_PERFORM,
            Self::FilterNodes | Self::Attributes | Self::PageSize => ResultCode::ADMIN_LIMIT_EXCEEDED,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::SubstringLength => "substring too short",
            Self::PresenceOnly => "filter matches too much",
            Self::FilterNodes => "filter too large",
            Self::Attributes => "too many attributes",
            Self::PageSize => "page too large",
        }
    }
}

/// Compiled limits.
#[derive(Debug)]
pub struct Limits {
    from: Option<Vec<IpNet>>,
    identity: Option<Vec<Identity>>,
    substring_length: usize,
    presence_only: bool,
    filter_nodes: Option<usize>,
    attributes: Option<usize>,
    page_size: Option<u32>,
    /// For each limit, by its number: the code and the text of its refusals.
    refusals: Vec<(ResultCode, Arc<str>)>,
}

impl Limits {
    /// The limits that `spec` spells, unless there is a fault.
    pub fn compile(spec: &LimitsSpec, faults: &mut Faults) -> Option<Self> {
        for (key, zero) in [
            ("filter_nodes", spec.filter_nodes == Some(0)),
            ("attributes", spec.attributes == Some(0)),
            ("page_size", spec.page_size == Some(0)),
        ] {
            if zero {
                faults.within(key, |faults| faults.add("zero would refuse every search, leave it out for no limit"));
            }
        }
        let mut refusals = Vec::new();
        for limit in Limit::ALL {
            // The same key is at fault for every limit: it is told once.
            let mut once = Faults::default();
            let told = if refusals.is_empty() { &mut *faults } else { &mut once };
            let code = code(spec.code.as_ref(), limit.code(), told);
            refusals.push((code, Arc::from(text(spec.text.as_deref(), limit.text(), told))));
        }
        let from = each("from", spec.from.as_ref(), faults, |text, faults| network(text, faults));
        let identity = each("identity", spec.identity.as_ref(), faults, Identity::compile);
        faults.is_empty().then(|| Self {
            from,
            identity,
            substring_length: spec.substring_length,
            presence_only: spec.presence_only,
            filter_nodes: spec.filter_nodes,
            attributes: spec.attributes,
            page_size: spec.page_size,
            refusals,
        })
    }

    /// The name of a limit: its key.
    pub fn rule_name(&self, rule: Option<u16>) -> &str {
        rule.and_then(|rule| Limit::ALL.get(usize::from(rule))).map_or("default", |limit| limit.name())
    }

    /// The names of the limits, by their numbers.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        Limit::ALL.iter().map(|limit| limit.name())
    }

    /// Decides a request of somebody who proved to be `who`.
    pub fn judge(&self, client: &ClientFacts, who: &Who, asked: &Asked<'_>, _outcome: &mut Outcome) -> Decision {
        let Operation::Search(search) = &asked.request().operation else { return Decision::Pass };
        if !self.is_about(client, who) {
            return Decision::Pass;
        }
        match self.exceeded(search, asked) {
            None => Decision::Pass,
            Some(limit) => self.refuse(limit),
        }
    }

    fn is_about(&self, client: &ClientFacts, who: &Who) -> bool {
        let from = self.from.as_ref().is_none_or(|networks| {
            client.address.is_some_and(|address| networks.iter().any(|network| network.contains(&address)))
        });
        // Whoever cannot be told from those who are limited is limited.
        from && self
            .identity
            .as_ref()
            .is_none_or(|identities| identities.iter().any(|identity| identity.holds(who) != Truth::No))
    }

    fn exceeded(&self, search: &SearchRequest<'_>, asked: &Asked<'_>) -> Option<Limit> {
        if self.attributes.is_some_and(|most| search.attributes.count() > most) {
            return Some(Limit::Attributes);
        }
        if let Some(most) = self.page_size {
            let mut pages = asked.request().controls.filter(|control| is_oid(control.control_type, PAGED_RESULTS_OID));
            if pages.any(|control| page_size(control.value).is_none_or(|size| size > most)) {
                return Some(Limit::PageSize);
            }
        }
        self.filter_exceeds(search.scope, asked)
    }

    fn filter_exceeds(&self, scope: Scope, asked: &Asked<'_>) -> Option<Limit> {
        let below = scope != Scope::BaseObject && !self.presence_only;
        let first = match (self.filter_nodes, self.substring_length, below) {
            (Some(_), ..) => Limit::FilterNodes,
            (None, 1.., _) => Limit::SubstringLength,
            (None, 0, true) => Limit::PresenceOnly,
            (None, 0, false) => return None,
        };
        let filter = match asked.filter() {
            Ok(Some(filter)) => filter,
            Ok(None) => return None,
            Err(Unreadable) => return Some(first),
        };
        let measure = Measure::of(filter.root());
        if self.filter_nodes.is_some_and(|most| measure.nodes > most) {
            Some(Limit::FilterNodes)
        } else if self.substring_length > 0 && longest_parts(filter).any(|octets| octets < self.substring_length) {
            Some(Limit::SubstringLength)
        } else {
            (below && !measure.is_selective).then_some(Limit::PresenceOnly)
        }
    }

    fn refuse(&self, limit: Limit) -> Decision {
        let numbered = (0_u16..).zip(Limit::ALL).zip(&self.refusals).find(|((_, known), _)| *known == limit);
        numbered.map_or(Decision::Pass, |((number, _), (code, text))| Decision::Refuse {
            rule: Some(number),
            code: *code,
            text: Arc::clone(text),
        })
    }
}

/// How many entries a page is to have; none where that cannot be read.
fn page_size(value: Option<&[u8]>) -> Option<u32> {
    paged_results(value?).ok().map(|(size, _)| size)
}

/// Of every substring filter, how many octets its longest part has.
fn longest_parts(filter: &Filter) -> impl Iterator<Item = usize> {
    filter.items().filter_map(|item| match item {
        Item::Substrings(parts) => {
            let parts = parts.initial.iter().chain(&parts.any).chain(&parts.last);
            Some(parts.map(|part| compared_octets(part)).max().unwrap_or(0))
        }
        _ => None,
    })
}

/// How many octets of a part servers compare: in the form that they prepare, without the spaces that all of them fold,
/// and the hyphens that mean nothing in telephone numbers. What cannot be prepared counts by what is ASCII of it.
fn compared_octets(part: &[u8]) -> usize {
    let prepared = core::str::from_utf8(part).ok().and_then(|text| prepare(text).ok());
    match &prepared {
        Some(text) => text.chars().filter(|one| !matches!(one, ' ' | '-')).map(char::len_utf8).sum(),
        None => part.iter().filter(|octet| octet.is_ascii_graphic() && **octet != b'-').count(),
    }
}

/// What a filter's form tells.
struct Measure {
    /// How many nodes there are, each part of a substring one.
    nodes: usize,
    /// Whether entries must have some value to be let through: not merely an attribute, nor the lack of a value.
    is_selective: bool,
}

#[derive(Clone, Copy)]
enum Kind {
    And,
    Or,
    Not,
}

/// A set whose members are being looked at.
struct Open<'f> {
    kind: Kind,
    members: Option<Members<'f>>,
    is_empty: bool,
    all: bool,
    any: bool,
}

impl<'f> Open<'f> {
    fn new(kind: Kind, members: Option<Members<'f>>) -> Self {
        Self { kind, members, is_empty: true, all: true, any: false }
    }

    fn is_selective(&self) -> bool {
        match self.kind {
            Kind::And => self.any,
            Kind::Or => self.all && !self.is_empty,
            // All but a few is as good as all.
            Kind::Not => false,
        }
    }
}

impl Measure {
    fn of(filter: FilterRef<'_>) -> Self {
        let mut nodes = 0_usize;
        let mut open: SmallVec<[Open<'_>; 4]> = SmallVec::new();
        let mut current = filter;
        loop {
            nodes = nodes.saturating_add(1);
            let mut done = None;
            match current.view() {
                View::Item(item) => {
                    nodes = nodes.saturating_add(parts(item));
                    done = Some(!matches!(item, Item::Present(_)));
                }
                View::And(members) => open.push(Open::new(Kind::And, Some(members))),
                View::Or(members) => open.push(Open::new(Kind::Or, Some(members))),
                View::Not(member) => {
                    open.push(Open::new(Kind::Not, None));
                    current = member;
                    continue;
                }
            }
            loop {
                let Some(set) = open.last_mut() else {
                    return Self { nodes, is_selective: done.unwrap_or(false) };
                };
                if let Some(is_selective) = done.take() {
                    set.is_empty = false;
                    set.all &= is_selective;
                    set.any |= is_selective;
                }
                if let Some(next) = set.members.as_mut().and_then(Iterator::next) {
                    current = next;
                    break;
                }
                done = Some(set.is_selective());
                open.pop();
            }
        }
    }
}

fn parts(item: &Item) -> usize {
    match item {
        Item::Substrings(parts) => parts.initial.iter().chain(&parts.any).chain(&parts.last).count(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ostiary_ldap::filter::FilterLimits;

    fn measure(text: &str) -> (usize, bool) {
        let filter = Filter::parse(text, &FilterLimits::default()).unwrap();
        let measure = Measure::of(filter.root());
        (measure.nodes, measure.is_selective)
    }

    #[test]
    fn a_filter_is_selective_if_entries_must_have_some_value() {
        for (text, nodes, is_selective) in [
            ("(uid=a)", 1, true),
            ("(uid=a*b*c)", 4, true),
            ("(objectClass=*)", 1, false),
            ("(&(objectClass=*)(uid=a))", 3, true),
            ("(|(objectClass=*)(uid=a))", 3, false),
            ("(|(cn=a)(uid=a))", 3, true),
            ("(!(cn=*))", 2, false),
            ("(!(cn=a))", 2, false),
            ("(&(cn=*)(!(cn=a)))", 4, false),
            ("(&)", 1, false),
            ("(|)", 1, false),
            ("(|(&)(cn=a))", 3, false),
            ("(&(|(a=1)(b=2))(c=*))", 5, true),
        ] {
            assert_eq!(measure(text), (nodes, is_selective), "{text}");
        }
    }

    #[test]
    fn a_part_is_as_long_as_what_servers_compare_of_it() {
        for (part, octets) in [
            ("abc", 3),
            (" a  b ", 2),
            ("   ", 0),
            ("@  ", 1),
            ("1--", 1),
            ("\u{a0}\u{a0}", 0),
            ("\u{ff45}", 1),
            ("\u{fc}", 2),
            ("a\u{ad}\u{ad}\u{ad}", 1),
            ("m\u{1f511}ller", 5),
        ] {
            assert_eq!(compared_octets(part.as_bytes()), octets, "{part:?}");
        }
        assert_eq!(compared_octets(b"\xff\xfea-b"), 2);
    }
}
