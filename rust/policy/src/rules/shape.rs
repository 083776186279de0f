//! Shapes of filters: the same branches in any order, no more and no fewer, with `?` for any one value.
//!
//! A shape is written as a filter. Recursion here follows the shape, whose size is bounded when it is compiled, never
//! the filter that a peer sent. Constants are compared prepared; attributes by meaning.

use core::hash::{Hash, Hasher};

use ostiary_ldap::filter::{Filter, FilterLimits, FilterRef, Item, Members, View};
use ostiary_ldap::prepare::prepare;
use smallvec::SmallVec;

use super::truth::Truth;
use crate::fault::Faults;

/// Filters of applications have a handful of branches; comparing costs the square of them.
const LIMITS: FilterLimits = FilterLimits { depth: 16, nodes: 64 };

/// What stands for `?` while a shape is parsed. No constant may hold it: no value with it can be prepared.
const WILDCARD: &[u8] = &[0];

/// The shape of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shape {
    root: Node,
    fingerprint: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Item(Box<ItemShape>),
}

/// An item, and its values in their order, prepared; none for any value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ItemShape {
    item: Item,
    values: Vec<Option<Box<str>>>,
}

impl Shape {
    pub(super) fn compile(text: &str, faults: &mut Faults) -> Option<Self> {
        if text.contains("\\00") || text.contains('\0') {
            faults.add("holds a NUL, which servers do not compare alike: leave it out");
            return None;
        }
        let marked = text.replace('?', "\\00");
        let parsed = Filter::parse(&marked, &LIMITS).map_err(|error| format!("not a filter, {error}: {text:?}"));
        let filter = faults.take(parsed)?;
        match node(filter.root()) {
            Ok(root) => Some(Self { root, fingerprint: fingerprint(filter.root()) }),
            Err(message) => {
                faults.add(format!("{message}: {text:?}"));
                None
            }
        }
    }

    /// What filters of this shape have in common, whatever their order and values.
    pub(super) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether a filter has this shape. `fingerprint` is the filter's: where it differs, nothing else need be asked.
    pub(super) fn holds(&self, filter: &Filter, fingerprint: u64) -> Truth {
        if self.fingerprint == fingerprint { self.root.holds(filter.root()) } else { Truth::No }
    }
}

fn node(filter: FilterRef<'_>) -> Result<Node, String> {
    let nodes = |members: Members<'_>| members.map(node).collect::<Result<Vec<_>, _>>();
    Ok(match filter.view() {
        View::And(members) => Node::And(nodes(members)?),
        View::Or(members) => Node::Or(nodes(members)?),
        View::Not(member) => Node::Not(Box::new(node(member)?)),
        View::Item(item) => {
            let constants = values(item).into_iter().map(constant).collect::<Result<_, _>>()?;
            Node::Item(Box::new(ItemShape { item: item.clone(), values: constants }))
        }
    })
}

fn constant(value: &[u8]) -> Result<Option<Box<str>>, String> {
    if value == WILDCARD {
        return Ok(None);
    }
    if value.contains(&0) {
        return Err("? stands for a whole value, write \\3f for a question mark".to_owned());
    }
    let text = core::str::from_utf8(value).map_err(|_| "a value is not utf-8, write ? for it".to_owned())?;
    let prepared = prepare(text).map_err(|error| format!("a value has a {error}, write ? for it"))?;
    Ok(Some(prepared.into()))
}

impl Node {
    fn holds(&self, filter: FilterRef<'_>) -> Truth {
        match (self, filter.view()) {
            (Self::And(shapes), View::And(members)) | (Self::Or(shapes), View::Or(members)) => {
                match_all(shapes, members)
            }
            (Self::Not(shape), View::Not(member)) => shape.holds(member),
            (Self::Item(shape), View::Item(item)) => shape.holds(item),
            _ => Truth::No,
        }
    }
}

impl ItemShape {
    fn holds(&self, item: &Item) -> Truth {
        if !is_same_form(&self.item, item) {
            return Truth::No;
        }
        let pairs = self.values.iter().zip(values(item));
        pairs.map(|(constant, value)| holds_value(constant.as_deref(), value)).min().unwrap_or(Truth::Yes)
    }
}

fn holds_value(constant: Option<&str>, value: &[u8]) -> Truth {
    let Some(constant) = constant else { return Truth::Yes };
    if value.eq_ignore_ascii_case(constant.as_bytes()) && value.is_ascii() {
        // The constant is prepared, and so is what differs from it in case alone once its case is folded.
        return Truth::Yes;
    }
    match core::str::from_utf8(value).map(prepare) {
        Ok(Ok(prepared)) => (prepared == constant).into(),
        _ => Truth::Unreadable,
    }
}

/// The values of an item, in their order.
fn values(item: &Item) -> SmallVec<[&[u8]; 2]> {
    match item {
        Item::Equality(assertion)
        | Item::GreaterOrEqual(assertion)
        | Item::LessOrEqual(assertion)
        | Item::Approx(assertion) => SmallVec::from_iter([&*assertion.value]),
        Item::Present(_) => SmallVec::new(),
        Item::Substrings(parts) => {
            parts.initial.iter().chain(&parts.any).chain(&parts.last).map(AsRef::as_ref).collect()
        }
        Item::Extensible(extensible) => SmallVec::from_iter([&*extensible.value]),
    }
}

/// Whether two items differ in nothing but values.
fn is_same_form(one: &Item, other: &Item) -> bool {
    one.attribute() == other.attribute()
        && match (one, other) {
            (Item::Substrings(one), Item::Substrings(other)) => {
                one.initial.is_some() == other.initial.is_some()
                    && one.any.len() == other.any.len()
                    && one.last.is_some() == other.last.is_some()
            }
            (Item::Extensible(one), Item::Extensible(other)) => {
                one.matching_rule == other.matching_rule && one.dn_attributes == other.dn_attributes
            }
            _ => core::mem::discriminant(one) == core::mem::discriminant(other),
        }
}

/// Whether shapes and filters can be paired so that every pair holds. A shape with a constant and one without may both
/// fit a filter, so trying them in order is not enough.
fn match_all(shapes: &[Node], members: Members<'_>) -> Truth {
    let filters: SmallVec<[FilterRef<'_>; 8]> = members.take(shapes.len().saturating_add(1)).collect();
    if filters.len() != shapes.len() {
        return Truth::No;
    }
    if shapes.iter().zip(&filters).all(|(shape, filter)| shape.holds(*filter) == Truth::Yes) {
        return Truth::Yes;
    }
    let holds: Square = shapes.iter().flat_map(|shape| filters.iter().map(|filter| shape.holds(*filter))).collect();
    let can_pair = |least: &Truth| can_pair(&holds, shapes.len(), *least);
    [Truth::Yes, Truth::Unreadable].into_iter().find(can_pair).unwrap_or(Truth::No)
}

/// Row by row, whether a shape fits a filter.
type Square = SmallVec<[Truth; 16]>;

/// Whether every row can have a column of its own where it holds at least so: a perfect matching.
fn can_pair(holds: &[Truth], side: usize, least: Truth) -> bool {
    let mut row_of: SmallVec<[Option<usize>; 8]> = SmallVec::from_elem(None, side);
    (0..side).all(|row| {
        let mut tried: SmallVec<[bool; 8]> = SmallVec::from_elem(false, side);
        find_column(holds, least, row, &mut row_of, &mut tried)
    })
}

/// Finds a column for `row`, moving rows that have one to others: each column is tried once, so this ends.
fn find_column(holds: &[Truth], least: Truth, row: usize, row_of: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for (column, truth) in holds.chunks(row_of.len().max(1)).nth(row).into_iter().flatten().enumerate() {
        let Some(seen) = tried.get_mut(column) else { return false };
        if *truth < least || *seen {
            continue;
        }
        *seen = true;
        let holder = row_of.get(column).copied().flatten();
        if holder.is_none_or(|holder| find_column(holds, least, holder, row_of, tried)) {
            if let Some(place) = row_of.get_mut(column) {
                *place = Some(row);
            }
            return true;
        }
    }
    false
}

/// A number that filters of one shape have in common: two with different numbers differ in more than order and values.
pub(crate) fn fingerprint(filter: FilterRef<'_>) -> u64 {
    let mut open: SmallVec<[(u64, u64, Option<Members<'_>>); 4]> = SmallVec::new();
    let mut current = filter;
    loop {
        let mut done = match current.view() {
            View::Item(item) => item_fingerprint(item),
            View::Not(member) => {
                open.push((3, 0, None));
                current = member;
                continue;
            }
            View::And(members) => {
                open.push((1, 0, Some(members)));
                0
            }
            View::Or(members) => {
                open.push((2, 0, Some(members)));
                0
            }
        };
        // Of a set that was opened just now, nothing is done yet; its sum starts at zero, which adds nothing.
        loop {
            let Some((kind, sum, members)) = open.last_mut() else { return done };
            // Addition, so that the order does not count.
            *sum = sum.wrapping_add(done);
            if let Some(next) = members.as_mut().and_then(Iterator::next) {
                current = next;
                break;
            }
            done = mix(*kind, *sum);
            open.pop();
        }
    }
}

/// A hasher that nobody has to fear: what falls together is compared after it.
struct Spreading(u64);

impl Hasher for Spreading {
    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let word = chunk.iter().fold(0_u64, |word, octet| (word << 8) | u64::from(*octet));
            self.write_u64(word);
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = mix(self.0, word);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn mix(kind: u64, sum: u64) -> u64 {
    // An odd constant and a shift spread what addition leaves close together.
    let spread = sum.wrapping_add(kind).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (spread ^ (spread >> 29)).wrapping_add(kind).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

fn item_fingerprint(item: &Item) -> u64 {
    let mut hasher = Spreading(0);
    core::mem::discriminant(item).hash(&mut hasher);
    item.attribute().hash(&mut hasher);
    match item {
        Item::Substrings(parts) => (parts.initial.is_some(), parts.any.len(), parts.last.is_some()).hash(&mut hasher),
        Item::Extensible(extensible) => {
            (&extensible.matching_rule, extensible.dn_attributes).hash(&mut hasher);
        }
        _ => {}
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(shape: &str, filter: &str) -> Truth {
        let mut faults = Faults::default();
        let shape = Shape::compile(shape, &mut faults).unwrap_or_else(|| panic!("{shape} {:?}", faults.into_vec()));
        let filter = Filter::parse(filter, &FilterLimits::default()).unwrap();
        let found = shape.holds(&filter, fingerprint(filter.root()));
        assert_eq!(found, shape.root.holds(filter.root()), "a fingerprint tells no two filters of one shape apart");
        found
    }

    #[test]
    fn a_shape_fits_any_order_and_spelling_and_any_value_for_a_question_mark() {
        for (shape, filter) in [
            ("(uid=?)", "(uid=alice)"),
            ("(uid=?)", "(UserID=\\2a)"),
            ("(uid=?)", "(0.9.2342.19200300.100.1.1=)"),
            ("(&(objectClass=person)(uid=?))", "(&(uid=a)(OBJECTCLASS= Person ))"),
            ("(cn=?*)", "(cn=a*)"),
            ("(cn=*?*)", "(cn=*a*)"),
            ("(cn=?*?*?)", "(cn=a*b*c)"),
            ("(!(|(cn=*)(sn>=?)(sn<=1)(sn~=?)))", "(!(|(sn~=x)(sn<=1)(sn>=2)(cn=*)))"),
            ("(member:1.2.840.113556.1.4.1941:=?)", "(member:1.2.840.113556.1.4.1941:=cn=a)"),
            ("(cn=\\3f)", "(cn=?)"),
            ("(&)", "(&)"),
            // Taken in order, the wildcard would have the only value that the constant fits.
            ("(&(uid=?)(uid=a))", "(&(uid=a)(uid=b))"),
            ("(&(uid=?)(uid=a)(uid=?))", "(&(uid=a)(uid=a)(uid=b))"),
            ("(&(|(a=?)(b=1))(|(a=?)(b=?)))", "(&(|(b=2)(a=1))(|(a=2)(b=1)))"),
        ] {
            assert_eq!(holds(shape, filter), Truth::Yes, "{shape} {filter}");
        }
    }

    #[test]
    fn a_shape_fits_no_other_branch_operator_or_constant() {
        for (shape, filter) in [
            ("(uid=?)", "(uid=*)"),
            ("(uid=?)", "(uid=a*)"),
            ("(uid=?)", "(uid~=a)"),
            ("(uid=?)", "(uid;x=a)"),
            ("(uid=?)", "(cn=a)"),
            ("(uid=?)", "(&(uid=a))"),
            ("(uid=?)", "(!(uid=a))"),
            ("(uid=?)", "(uid:=a)"),
            ("(cn=?*)", "(cn=*a)"),
            ("(cn=?*)", "(cn=a*b)"),
            ("(cn=*?*)", "(cn=*a*b*)"),
            ("(&(objectClass=person)(uid=?))", "(&(objectClass=person)(uid=a)(uid=b))"),
            ("(&(objectClass=person)(uid=?))", "(&(objectClass=person))"),
            ("(&(objectClass=person)(uid=?))", "(|(objectClass=person)(uid=a))"),
            ("(&(objectClass=person)(uid=?))", "(&(objectClass=group)(uid=a))"),
            ("(&(uid=a)(uid=?))", "(&(uid=b)(uid=c))"),
            ("(cn:dn:=?)", "(cn:=a)"),
            ("(cn=\\3f)", "(cn=a)"),
            ("(&)", "(|)"),
            ("(&)", "(&(cn=a))"),
        ] {
            assert_eq!(holds(shape, filter), Truth::No, "{shape} {filter}");
        }
    }

    #[test]
    fn a_value_that_servers_prepare_differently_is_unreadable_where_a_constant_stands() {
        assert_eq!(holds("(cn=a)", "(cn=a\u{200b})"), Truth::Unreadable);
        assert_eq!(holds("(cn=a)", "(cn=\\ff)"), Truth::Unreadable);
        assert_eq!(holds("(cn=?)", "(cn=\\ff)"), Truth::Yes);
        assert_eq!(holds("(&(cn=a)(cn=?))", "(&(cn=a\u{200b})(cn=b))"), Truth::Unreadable);
        assert_eq!(holds("(&(cn=a)(cn=?))", "(&(cn=a\u{200b})(cn=a))"), Truth::Yes);
    }

    #[test]
    fn a_shape_that_is_none_is_a_fault_with_a_hint() {
        for (shape, part) in [
            ("uid=?", "( expected"),
            ("(uid=a?b)", "write \\3f"),
            ("(u?d=a)", "not an attribute type"),
            ("(cn=a\u{200b})", "write ? for it"),
            ("(cn=\\00)", "NUL"),
            ("(cn=a", ") expected"),
        ] {
            let mut faults = Faults::default();
            assert_eq!(Shape::compile(shape, &mut faults), None);
            let faults = faults.into_vec();
            assert!(faults[0].message.contains(part), "{faults:?}");
        }
    }
}
