//! The rules as anybody would write them down: no encoding, no spelling, no index. Names are numbers here; how a
//! number is spelt is the generator's business, and that all spellings are one is what the tests show.

/// `Some(true)` yes, `Some(false)` no, `None` cannot be told.
pub type Truth = Option<bool>;

pub fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
    let truths: Vec<Truth> = truths.into_iter().collect();
    if truths.contains(&Some(false)) {
        Some(false)
    } else if truths.contains(&None) {
        None
    } else {
        Some(true)
    }
}

pub fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    all(truths.into_iter().map(|truth| truth.map(|holds| !holds))).map(|none| !none)
}

/// A DN, from the root; none if it cannot be read.
pub type Place = Option<Vec<u8>>;

/// An attribute and perhaps an option of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attr(pub u8, pub Option<u8>);

impl Attr {
    fn covers(self, other: Self) -> bool {
        self.0 == other.0 && (self.1.is_none() || self.1 == other.1)
    }
    fn overlaps(self, other: Self) -> bool {
        self.covers(other) || other.covers(self)
    }
}

/// A value; one of them cannot be prepared.
pub const UNREADABLE_VALUE: u8 = 9;

/// A filter; in a shape, a value may be any.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    Equality(Attr, Option<u8>),
    Initial(Attr, Option<u8>),
    GreaterOrEqual(Attr, Option<u8>),
    Present(Attr),
    /// An extensible match that names no attribute.
    Anything,
    /// An attribute that is none.
    Unreadable,
}

impl Filter {
    fn is_readable(&self) -> bool {
        match self {
            Self::And(members) | Self::Or(members) => members.iter().all(Self::is_readable),
            Self::Not(member) => member.is_readable(),
            Self::Unreadable => false,
            _ => true,
        }
    }

    fn tested(&self) -> Vec<Option<Attr>> {
        match self {
            Self::And(members) | Self::Or(members) => members.iter().flat_map(Self::tested).collect(),
            Self::Not(member) => member.tested(),
            Self::Equality(attr, _) | Self::Initial(attr, _) | Self::GreaterOrEqual(attr, _) | Self::Present(attr) => {
                vec![Some(*attr)]
            }
            Self::Anything | Self::Unreadable => vec![None],
        }
    }

    /// Whether `filter` has this shape: some order of its branches fits, tried one after another.
    fn fits(&self, filter: &Self) -> Truth {
        let value = |constant: &Option<u8>, value: &Option<u8>| match (constant, value) {
            (None, _) => Some(true),
            (Some(_), Some(UNREADABLE_VALUE)) => None,
            (constant, value) => Some(constant == value),
        };
        match (self, filter) {
            (Self::And(shapes), Self::And(members)) | (Self::Or(shapes), Self::Or(members)) => {
                if shapes.len() != members.len() {
                    return Some(false);
                }
                any(orders(members).into_iter().map(|order| all(shapes.iter().zip(order).map(|(s, f)| s.fits(&f)))))
            }
            (Self::Not(shape), Self::Not(member)) => shape.fits(member),
            (Self::Equality(a, x), Self::Equality(b, y))
            | (Self::Initial(a, x), Self::Initial(b, y))
            | (Self::GreaterOrEqual(a, x), Self::GreaterOrEqual(b, y))
                if a == b =>
            {
                value(x, y)
            }
            (Self::Present(a), Self::Present(b)) => Some(a == b),
            _ => Some(false),
        }
    }
}

fn orders(members: &[Filter]) -> Vec<Vec<Filter>> {
    if members.is_empty() {
        return vec![Vec::new()];
    }
    let mut found = Vec::new();
    for place in 0..members.len() {
        let mut rest = members.to_vec();
        let first = rest.remove(place);
        found.extend(orders(&rest).into_iter().map(|mut order| {
            order.insert(0, first.clone());
            order
        }));
    }
    found
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selectors {
    pub star: bool,
    pub plus: bool,
    pub named: Vec<Attr>,
    pub odd: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Control {
    Harmless,
    Unknown,
    Sort(Option<Vec<Attr>>),
    PreRead(Selectors),
    Assertion(Filter),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Mechanism and identity asked for.
    Bind(&'static str, Who),
    Search {
        base: Place,
        scope: u8,
        filter: Filter,
        selectors: Selectors,
    },
    Compare(Place, Attr),
    Add(Place, Vec<Attr>),
    Modify(Place, Vec<(u8, Attr)>),
    Delete(Place),
    /// Old and new name; the attributes of the new RDN and of the old one if it goes.
    ModifyDn(Place, Place, Vec<Attr>),
    /// Its number; password modify is 0, and has a target unless it is one's own.
    Extended(u8, Option<Place>),
}

impl Ask {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bind(..) => "bind",
            Self::Search { .. } => "search",
            Self::Compare(..) => "compare",
            Self::Add(..) => "add",
            Self::Modify(..) => "modify",
            Self::Delete(..) => "delete",
            Self::ModifyDn(..) => "modify_dn",
            Self::Extended(..) => "extended",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Who {
    Anonymous,
    Dn(Vec<u8>),
    Upn(u8, u8),
    Unnamed,
    Unreadable,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Identity {
    Any,
    Authenticated,
    Anonymous,
    Exact(Who),
    Within(Vec<u8>),
    Domain(u8),
}

#[derive(Debug, Clone, Default)]
pub struct Rule {
    pub deny: bool,
    pub monitor: bool,
    /// Networks by number: which of them an address is in is the table `NETWORKS` of the generator.
    pub from: Option<Vec<usize>>,
    pub tls: Option<bool>,
    pub certificate: Option<Vec<Vec<u8>>>,
    pub identity: Option<Vec<Identity>>,
    pub operations: Option<Vec<&'static str>>,
    pub mechanisms: Option<Vec<&'static str>>,
    pub base: Option<(bool, Vec<Vec<u8>>)>,
    pub scope: Option<Vec<u8>>,
    pub filter: Option<Vec<Filter>>,
    pub filter_attributes: Option<Vec<Attr>>,
    pub attributes: Option<Selectors>,
    pub narrow: bool,
    pub controls: Option<Vec<&'static str>>,
    pub extended: Option<Vec<u8>>,
    pub changes: Option<Vec<u8>>,
    pub size_limit: Option<u32>,
}

#[derive(Debug, Clone, Default)]
pub struct Client {
    /// The networks that its address is in.
    pub networks: Vec<usize>,
    pub tls: bool,
    /// Its certificate's subject, if it has one.
    pub certificate: Option<Place>,
}

#[derive(Debug, Clone)]
pub struct List {
    pub rules: Vec<Rule>,
    pub allow: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub rule: Option<usize>,
    pub allowed: bool,
    /// Rules that only told, and whether they would have refused.
    pub notes: Vec<(usize, bool)>,
}

pub fn decide(list: &List, client: &Client, who: &Who, ask: &Ask, controls: &[Control]) -> Verdict {
    let mut notes = Vec::new();
    for (number, rule) in list.rules.iter().enumerate() {
        let truth = holds(list, rule, client, who, ask, controls, false);
        if truth == Some(false) {
            continue;
        }
        let allowed = truth == Some(true) && !rule.deny;
        if rule.monitor {
            notes.push((number, !allowed));
            continue;
        }
        return Verdict { rule: Some(number), allowed, notes };
    }
    Verdict { rule: None, allowed: list.allow && shown_by_default(list, client, who, ask, controls), notes }
}

/// Of what is listed, all must be there for a rule that allows, one thing for a rule that denies.
fn over(rule: &Rule, truths: impl IntoIterator<Item = Truth>) -> Truth {
    if rule.deny { any(truths) } else { all(truths) }
}

fn holds(
    list: &List,
    rule: &Rule,
    client: &Client,
    who: &Who,
    ask: &Ask,
    controls: &[Control],
    reading: bool,
) -> Truth {
    let bind = match ask {
        Ask::Bind(mechanism, asked) => Some((*mechanism, asked)),
        _ => None,
    };
    let who = bind.map_or(who, |(_, asked)| asked);
    all([
        asks(&rule.from, |networks| Some(networks.iter().any(|network| client.networks.contains(network)))),
        asks(&rule.tls, |tls| Some(*tls == client.tls)),
        asks(&rule.certificate, |subjects| match &client.certificate {
            None => Some(false),
            Some(None) => None,
            Some(Some(subject)) => Some(subjects.contains(subject)),
        }),
        asks(&rule.identity, |identities| any(identities.iter().map(|identity| is(identity, who)))),
        // An explicit anonymous bind is allowed by rules that speak of anonymous clients, and by no others.
        Some(bind.is_none() || rule.deny || rule.identity.is_some() || *who != Who::Anonymous),
        asks(&rule.operations, |listed| Some(listed.contains(&ask.kind()))),
        mechanism_holds(rule, bind.map(|(mechanism, _)| mechanism)),
        asks(&rule.base, |base| base_holds(rule, base, who, ask)),
        asks(&rule.scope, |scopes| match ask {
            Ask::Search { scope, .. } => Some(scopes.contains(scope)),
            _ => Some(!rule.deny),
        }),
        asks(&rule.filter, |shapes| match ask {
            Ask::Search { .. } if reading && !has_filter(ask) => Some(true),
            Ask::Search { filter, .. } if filter.is_readable() => any(shapes.iter().map(|shape| shape.fits(filter))),
            Ask::Search { .. } => None,
            _ => Some(!rule.deny),
        }),
        asks(&rule.filter_attributes, |listed| filter_attributes_hold(rule, listed, ask, controls, reading)),
        asks(&rule.attributes, |listed| attributes_hold(rule, listed, ask, controls, reading)),
        extended_holds(rule, ask),
        asks(&rule.changes, |kinds| match ask {
            Ask::Modify(_, changes) => over(rule, changes.iter().map(|(kind, _)| Some(kinds.contains(kind)))),
            _ => Some(!rule.deny),
        }),
        controls_hold(list, rule, client, who, ask, controls),
    ])
}

fn asks<T>(criterion: &Option<T>, holds: impl FnOnce(&T) -> Truth) -> Truth {
    criterion.as_ref().map_or(Some(true), holds)
}

/// A reading without a filter has an empty disjunction here, which no generated search has.
fn has_filter(ask: &Ask) -> bool {
    !matches!(ask, Ask::Search { filter: Filter::Or(members), .. } if members.is_empty())
}

fn is(identity: &Identity, who: &Who) -> Truth {
    match (identity, who) {
        (Identity::Any, _) => Some(true),
        (Identity::Authenticated, who) => Some(*who != Who::Anonymous),
        (Identity::Anonymous, who) => Some(*who == Who::Anonymous),
        (_, Who::Unreadable) => None,
        (Identity::Exact(exact), who) => Some(exact == who),
        (Identity::Within(parent), Who::Dn(dn)) => Some(dn.len() > parent.len() && dn.starts_with(parent)),
        (Identity::Domain(domain), Who::Upn(_, of)) => Some(domain == of),
        _ => Some(false),
    }
}

fn mechanism_holds(rule: &Rule, asked: Option<&str>) -> Truth {
    match (&rule.mechanisms, asked) {
        (Some(_), None) => Some(!rule.deny),
        (Some(listed), Some(asked)) => Some(listed.contains(&asked)),
        (None, Some(asked)) => Some(rule.deny || asked == "simple"),
        (None, None) => Some(true),
    }
}

/// The entries that a request is about.
fn places(who: &Who, ask: &Ask) -> Option<Vec<Place>> {
    match ask {
        Ask::Search { base: place, .. }
        | Ask::Compare(place, _)
        | Ask::Add(place, _)
        | Ask::Modify(place, _)
        | Ask::Delete(place)
        | Ask::Extended(0, Some(place)) => Some(vec![place.clone()]),
        Ask::ModifyDn(from, to, _) => Some(vec![from.clone(), to.clone()]),
        Ask::Extended(0, None) => Some(vec![if let Who::Dn(own) = who { Some(own.clone()) } else { None }]),
        Ask::Bind(..) | Ask::Extended(..) => None,
    }
}

fn base_holds(rule: &Rule, (root_dse, within): &(bool, Vec<Vec<u8>>), who: &Who, ask: &Ask) -> Truth {
    let Some(places) = places(who, ask) else { return Some(!rule.deny) };
    over(
        rule,
        places.into_iter().map(|place| {
            let place = place?;
            let is_root_dse = place.is_empty() && matches!(ask, Ask::Search { scope: 0, .. });
            let is_reached = |base: &Vec<u8>| match ask {
                Ask::Search { scope, .. } if base.starts_with(&place) => match scope {
                    0 => false,
                    1 => base.len() == place.len() + 1,
                    _ => true,
                },
                _ => false,
            };
            Some(
                (*root_dse && is_root_dse)
                    || within.iter().any(|base| place.starts_with(base) || (rule.deny && is_reached(base))),
            )
        }),
    )
}

fn filter_attributes_hold(rule: &Rule, listed: &[Attr], ask: &Ask, controls: &[Control], reading: bool) -> Truth {
    let Ask::Search { filter, .. } = ask else { return Some(!rule.deny) };
    if reading && !has_filter(ask) {
        return Some(true);
    }
    if !filter.is_readable() {
        return None;
    }
    let asserted = controls.iter().filter_map(|control| match control {
        Control::Assertion(filter) if filter.is_readable() => Some(filter.tested()),
        _ => None,
    });
    over(rule, asserted.chain([filter.tested()]).flatten().map(|tested| named(rule, listed, tested)))
}

/// Whether an attribute, or whatever there is, is listed.
fn named(rule: &Rule, listed: &[Attr], asked: Option<Attr>) -> Truth {
    Some(match asked {
        None => rule.deny,
        Some(asked) if rule.deny => listed.iter().any(|listed| listed.overlaps(asked)),
        Some(asked) => listed.iter().any(|listed| listed.covers(asked)),
    })
}

/// The first attribute of the generator is operational.
fn covers(listed: &Selectors, asked: Attr) -> bool {
    let by_kind = if asked.0 == 0 { listed.plus } else { listed.star };
    by_kind || listed.named.iter().any(|listed| listed.covers(asked))
}

fn selectors_hold(rule: &Rule, listed: &Selectors, asked: &Selectors) -> Truth {
    if !rule.deny {
        return Some(
            !asked.odd
                && (listed.star || !asked.star)
                && (listed.plus || !asked.plus)
                && asked.named.iter().all(|asked| covers(listed, *asked)),
        );
    }
    let named = asked.named.iter().any(|asked| listed.named.iter().any(|listed| listed.overlaps(*asked)));
    // Every one but the first may be a user attribute, and an operational one.
    let user = listed.star || listed.named.iter().any(|listed| listed.0 != 0);
    let operational = listed.plus || !listed.named.is_empty();
    if named || (user && asked.star) || (operational && asked.plus) {
        Some(true)
    } else if asked.odd {
        None
    } else {
        Some(false)
    }
}

fn attributes_hold(rule: &Rule, listed: &Selectors, ask: &Ask, controls: &[Control], reading: bool) -> Truth {
    let one = |asked: Attr| {
        Some(if rule.deny { listed.named.iter().any(|listed| listed.overlaps(asked)) } else { covers(listed, asked) })
    };
    let touched = match ask {
        Ask::Search { selectors, .. } => {
            let asked = if rule.narrow && !reading { Some(true) } else { selectors_hold(rule, listed, selectors) };
            let beside = controls.iter().filter_map(|control| match control {
                Control::Harmless | Control::Unknown => None,
                Control::Sort(None) => Some(None),
                Control::Sort(Some(keys)) => Some(over(rule, keys.iter().map(|key| one(*key)))),
                Control::PreRead(selectors) => Some(selectors_hold(rule, listed, selectors)),
                Control::Assertion(filter) if !filter.is_readable() => Some(None),
                Control::Assertion(filter) => {
                    Some(over(rule, filter.tested().into_iter().map(|asked| asked.map_or(Some(rule.deny), one))))
                }
            });
            return over(rule, beside.chain([asked]));
        }
        // The name of an entry that is added is among what is touched.
        Ask::Add(None, _) => return None,
        Ask::Compare(_, attr) => vec![*attr],
        Ask::Add(_, attrs) | Ask::ModifyDn(_, _, attrs) => attrs.clone(),
        Ask::Modify(_, changes) => changes.iter().map(|(_, attr)| *attr).collect(),
        Ask::Bind(..) | Ask::Delete(_) | Ask::Extended(..) => return Some(!rule.deny),
    };
    over(rule, touched.into_iter().map(|asked| if rule.deny && listed.star { Some(true) } else { one(asked) }))
}

/// Number 1 is harmless.
fn extended_holds(rule: &Rule, ask: &Ask) -> Truth {
    match (ask, &rule.extended) {
        (Ask::Extended(..), None) if rule.deny => Some(true),
        (Ask::Extended(number, _), listed) => {
            let is_listed = listed.as_ref().is_some_and(|listed| listed.contains(number));
            Some(is_listed || (!rule.deny && *number == 1))
        }
        (_, Some(_)) => Some(!rule.deny),
        (_, None) => Some(true),
    }
}

fn controls_hold(list: &List, rule: &Rule, client: &Client, who: &Who, ask: &Ask, controls: &[Control]) -> Truth {
    if let Ask::Bind(..) = ask {
        return Some(!rule.deny || rule.controls.is_none());
    }
    let word = |control: &Control| match control {
        Control::Harmless => "paged_results",
        Control::Unknown => "1.2.3.4",
        Control::Sort(_) => "sort",
        Control::PreRead(_) => "pre_read",
        Control::Assertion(_) => "assertion",
    };
    let is_listed = |control: &Control| rule.controls.as_ref().is_some_and(|listed| listed.contains(&word(control)));
    if rule.deny {
        return Some(rule.controls.is_none() || controls.iter().any(is_listed));
    }
    all(controls.iter().map(|control| {
        if *control != Control::Harmless && !is_listed(control) {
            return Some(false);
        }
        readable(list, client, who, ask, control)
    }))
}

/// Whether what a control reads or tests beside a write may be read.
fn readable(list: &List, client: &Client, who: &Who, ask: &Ask, control: &Control) -> Truth {
    match control {
        Control::Sort(None) => None,
        Control::Assertion(filter) if !filter.is_readable() => None,
        Control::PreRead(selectors) if !matches!(ask, Ask::Search { .. }) => {
            would_show(list, client, who, ask, selectors, &Filter::Or(Vec::new()))
        }
        Control::Assertion(filter) if !matches!(ask, Ask::Search { .. }) => {
            let tested: Option<Vec<Attr>> = filter.tested().into_iter().collect();
            match tested {
                None => Some(false),
                Some(named) => would_show(list, client, who, ask, &Selectors { named, ..Selectors::default() }, filter),
            }
        }
        _ => Some(true),
    }
}

/// Whether no control of a write, which no rule has looked at, reads or tests what a search is denied.
fn shown_by_default(list: &List, client: &Client, who: &Who, ask: &Ask, controls: &[Control]) -> bool {
    if matches!(ask, Ask::Search { .. } | Ask::Bind(..)) || !list.rules.iter().any(|rule| rule.deny && !rule.monitor) {
        return true;
    }
    controls.iter().all(|control| readable(list, client, who, ask, control) == Some(true))
}

/// Whether a base object search of the same entries would be allowed.
fn would_show(list: &List, client: &Client, who: &Who, ask: &Ask, selectors: &Selectors, filter: &Filter) -> Truth {
    let Some(places) = places(who, ask) else { return Some(false) };
    Some(places.into_iter().all(|place| {
        if place.is_none() {
            return false;
        }
        let reading = Ask::Search { base: place, scope: 0, filter: filter.clone(), selectors: selectors.clone() };
        for rule in list.rules.iter().filter(|rule| !rule.monitor) {
            match holds(list, rule, client, who, &reading, &[], true) {
                Some(false) => {}
                None => return false,
                Some(true) => return !rule.deny,
            }
        }
        list.allow
    }))
}
