//! A filter that takes the values of another one of its form: applications send one filter again and again, and what
//! they look for alone differs. Nothing is normalised anew, for nothing that is normalised differs.

use ostiary_ber::Reader;
use smallvec::SmallVec;

use super::{Filter, Item, Node};
use crate::message::choice;

impl Filter {
    /// Makes this, the filter of the encoding `before`, the filter of `now`, which was checked like it, if they differ
    /// in values that attributes are held against alone. False if they do not: then this is neither's filter.
    #[must_use = "a filter that did not fit is to be thrown away"]
    pub fn refill(&mut self, before: &[u8], now: &[u8]) -> bool {
        let mut nodes = self.nodes.iter_mut();
        let mut open: SmallVec<[(Reader<'_>, Reader<'_>); 4]> = SmallVec::new();
        let (mut before, mut now) = (Reader::new(before), Reader::new(now));
        loop {
            if before.is_empty() || now.is_empty() {
                match open.pop() {
                    _ if before.is_empty() != now.is_empty() => return false,
                    Some(parents) => (before, now) = parents,
                    None => return nodes.next().is_none(),
                }
                continue;
            }
            let (Ok((was, old)), Ok((tag, new))) = (before.read_any_reader("filter"), now.read_any_reader("filter"))
            else {
                return false;
            };
            match nodes.next() {
                _ if was != tag => return false,
                Some(Node::Set(..)) if matches!(tag, choice::AND | choice::OR | choice::NOT) => {
                    open.push((core::mem::replace(&mut before, old), core::mem::replace(&mut now, new)));
                }
                Some(Node::Item(item)) => {
                    if !refill(item, old, new) {
                        return false;
                    }
                }
                _ => return false,
            }
        }
    }
}

/// The same for an item, whose encodings have the same tag.
fn refill(item: &mut Item, mut before: Reader<'_>, mut now: Reader<'_>) -> bool {
    let (Item::Equality(assertion)
    | Item::GreaterOrEqual(assertion)
    | Item::LessOrEqual(assertion)
    | Item::Approx(assertion)) = item
    else {
        return before.rest() == now.rest();
    };
    let (old, new) = (before.octet_string("filter.attributeDesc"), now.octet_string("filter.attributeDesc"));
    let (true, Ok(value)) = (old.is_ok() && old == new, now.octet_string("filter.assertionValue")) else {
        return false;
    };
    if assertion.value.len() == value.len() {
        assertion.value.copy_from_slice(value);
    } else {
        assertion.value = value.into();
    }
    true
}
