//! A search request, rewritten as the stages want it: only what a [`SearchEdit`] names is written anew.
//!
//! Base, scope, typesOnly, filter and controls keep their bytes; the lengths around them are written minimally. Why a
//! search is changed is not known here.

use ostiary_ber::{Error, Reader, Writer, tag};
use ostiary_ldap::message::{DerefAliases, OctetStrings, Request, RequestKind, SearchRequest};

use crate::decision::SearchEdit;

/// The greatest limit that a request can name (RFC 4511: maxInt).
const MAX_INT: u32 = i32::MAX as u32;

/// Appends the message of `request`, changed as `edit` says; false, and nothing written, if it would stay as it is.
///
/// A limit that was asked for stays if it is the lower one; 0 asks for none, on either side. A list without selectors
/// is written as `1.1`, for an empty one would ask for everything.
pub fn rewrite_search(request: &Request<'_>, search: &SearchRequest<'_>, edit: &SearchEdit, out: &mut Vec<u8>) -> bool {
    let Some(changed) = Changed::new(search, edit) else { return false };
    // The request was parsed from these bytes, so they read again.
    let Ok(parts) = Parts::read(request.raw) else { return false };
    Writer::append(out, |writer| {
        writer.sequence(tag::SEQUENCE, |message| {
            message.raw(parts.message_id);
            message.sequence(RequestKind::Search.tag(), |body| {
                body.raw(parts.base_and_scope);
                body.enumerated(changed.deref_aliases.number());
                body.integer(i64::from(changed.size_limit));
                body.integer(i64::from(changed.time_limit));
                body.raw(parts.types_only_and_filter);
                match changed.attributes {
                    None => body.raw(parts.attributes),
                    Some([]) => write_selectors(body, &["1.1".into()]),
                    Some(selectors) => write_selectors(body, selectors),
                }
            });
            message.raw(parts.controls);
        });
    });
    true
}

fn write_selectors(body: &mut Writer<'_>, selectors: &[Box<str>]) {
    body.sequence(tag::SEQUENCE, |list| {
        for selector in selectors {
            list.octet_string(tag::OCTET_STRING, selector.as_bytes());
        }
    });
}

/// What the fields of the search are to be, if any is to be another than it is.
struct Changed<'e> {
    deref_aliases: DerefAliases,
    size_limit: u32,
    time_limit: u32,
    /// The selectors, unless they stay.
    attributes: Option<&'e [Box<str>]>,
}

impl<'e> Changed<'e> {
    fn new(search: &SearchRequest<'_>, edit: &'e SearchEdit) -> Option<Self> {
        let deref_aliases =
            if edit.never_deref_aliases { DerefAliases::NeverDerefAliases } else { search.deref_aliases };
        let size_limit = lower(search.size_limit, edit.size_limit);
        let time_limit = lower(search.time_limit, edit.time_limit);
        let attributes = edit.attributes.as_deref().filter(|selectors| !are_same(search.attributes, selectors));
        let same = attributes.is_none()
            && deref_aliases == search.deref_aliases
            && size_limit == search.size_limit
            && time_limit == search.time_limit;
        (!same).then_some(Self { deref_aliases, size_limit, time_limit, attributes })
    }
}

/// The lower of both limits, where 0 is none.
fn lower(asked: u32, limit: Option<u32>) -> u32 {
    match limit.unwrap_or(0).min(MAX_INT) {
        0 => asked,
        limit if asked == 0 => limit,
        limit => asked.min(limit),
    }
}

fn are_same(asked: OctetStrings<'_>, selectors: &[Box<str>]) -> bool {
    // Both empty is not the same: nothing asked for is everything, nothing allowed is nothing.
    !asked.is_empty() && asked.eq(selectors.iter().map(|selector| selector.as_bytes()))
}

/// The elements of a search that are kept, headers included.
struct Parts<'a> {
    message_id: &'a [u8],
    base_and_scope: &'a [u8],
    types_only_and_filter: &'a [u8],
    attributes: &'a [u8],
    controls: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(message: &'a [u8]) -> Result<Self, Error> {
        let mut envelope = Reader::new(message).read_reader("LDAPMessage", tag::SEQUENCE)?;
        let message_id = take(&mut envelope, 1)?;
        let mut body = envelope.read_reader("protocolOp", RequestKind::Search.tag())?;
        let base_and_scope = take(&mut body, 2)?;
        take(&mut body, 3)?;
        let types_only_and_filter = take(&mut body, 2)?;
        Ok(Self {
            message_id,
            base_and_scope,
            types_only_and_filter,
            attributes: body.rest(),
            controls: envelope.rest(),
        })
    }
}

/// The bytes of the next `count` elements.
fn take<'a>(reader: &mut Reader<'a>, count: usize) -> Result<&'a [u8], Error> {
    let before = reader.rest();
    for _ in 0..count {
        reader.read_any("searchRequest")?;
    }
    let taken = before.len().saturating_sub(reader.rest().len());
    Ok(before.get(..taken).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use ostiary_ldap::message::{Control, FilterLimits, Operation, Scope};
    use ostiary_ldap::write::{self, NewSearch};
    use proptest::prelude::*;

    use super::*;

    const LIMITS: FilterLimits = FilterLimits { depth: 8, nodes: 64 };
    const PRESENT: &[u8] = b"\x87\x0bobjectClass";

    fn asked(deref_aliases: DerefAliases, size_limit: u32, time_limit: u32, attributes: &[&[u8]]) -> Vec<u8> {
        let mut message = Vec::new();
        let search = NewSearch {
            base_object: b"dc=corp",
            scope: Scope::WholeSubtree,
            deref_aliases,
            size_limit,
            time_limit,
            types_only: true,
            filter: PRESENT,
            attributes,
        };
        let control = Control { control_type: b"1.2.3", criticality: true, value: Some(b"value") };
        write::search_request(&mut message, 300, &search, &[control]);
        message
    }

    fn rewritten(message: &[u8], edit: &SearchEdit) -> Option<Vec<u8>> {
        let request = Request::parse(message, &LIMITS).unwrap();
        let Operation::Search(search) = request.operation else { panic!("no search") };
        let mut out = b"before".to_vec();
        let changed = rewrite_search(&request, &search, edit, &mut out);
        assert_eq!(changed, out.len() > 6);
        changed.then(|| out.split_off(6))
    }

    #[test]
    fn nothing_is_written_when_nothing_changes() {
        let message = asked(DerefAliases::NeverDerefAliases, 10, 10, &[b"cn"]);
        let selectors = Some(vec!["cn".into()]);
        for edit in [
            SearchEdit::default(),
            SearchEdit { never_deref_aliases: true, ..SearchEdit::default() },
            SearchEdit { size_limit: Some(10), time_limit: Some(11), ..SearchEdit::default() },
            SearchEdit { size_limit: Some(0), ..SearchEdit::default() },
            SearchEdit { attributes: selectors, ..SearchEdit::default() },
        ] {
            assert_eq!(rewritten(&message, &edit), None, "{edit:?}");
        }
    }

    #[test]
    fn an_empty_list_never_becomes_everything() {
        let edit = SearchEdit { attributes: Some(vec![]), ..SearchEdit::default() };
        for attributes in [&[][..], &[&b"cn"[..]]] {
            let message = rewritten(&asked(DerefAliases::DerefAlways, 0, 0, attributes), &edit).unwrap();
            let Operation::Search(search) = Request::parse(&message, &LIMITS).unwrap().operation else { panic!() };
            assert!(search.attributes.eq([b"1.1"]));
        }
    }

    #[test]
    fn what_is_not_named_keeps_its_bytes() {
        // typesOnly as 0x01 and a base with a long length: no writer of ours would write them so.
        let body = b"\x04\x81\x02o=\x0a\x01\x02\x0a\x01\x03\x02\x01\0\x02\x01\0\x01\x01\x01\x87\x01a\x30\x02\x04\0";
        let controls = b"\xa0\x82\0\x06\x30\x04\x04\x02\x31\x32";
        let header = |tag, length: usize| [tag, 0x84, 0, 0, 0, u8::try_from(length).unwrap()];
        let operation = [&header(0x63, body.len())[..], body].concat();
        let content = [b"\x02\x01\x07", &operation[..], controls].concat();
        let message = [&header(0x30, content.len())[..], &content].concat();
        let edit = SearchEdit { never_deref_aliases: true, ..SearchEdit::default() };
        let written = rewritten(&message, &edit).unwrap();
        let mut expected =
            vec![0x30, u8::try_from(content.len() - 4).unwrap(), 2, 1, 7, 0x63, u8::try_from(body.len()).unwrap()];
        expected.extend_from_slice(body);
        expected.extend_from_slice(controls);
        expected[17] = 0;
        assert_eq!(written, expected);
    }

    proptest! {
        #[test]
        fn only_what_was_asked_for_differs(
            size in 0u32..50, time in 0u32..50, deref in any::<bool>(),
            size_limit in proptest::option::of(0u32..50), time_limit in proptest::option::of(0u32..50),
            never_deref_aliases in any::<bool>(),
            attributes in proptest::option::of(proptest::collection::vec("[a-z]{1,40}", 1..12)),
        ) {
            let before = if deref { DerefAliases::DerefAlways } else { DerefAliases::NeverDerefAliases };
            let message = asked(before, size, time, &[b"cn", b"sn"]);
            let attributes: Option<Vec<Box<str>>> =
                attributes.map(|list| list.into_iter().map(String::into_boxed_str).collect());
            let edit = SearchEdit { attributes: attributes.clone(), size_limit, time_limit, never_deref_aliases };
            let written = rewritten(&message, &edit).unwrap_or_else(|| message.clone());
            let deref_aliases = if never_deref_aliases { DerefAliases::NeverDerefAliases } else { before };
            let least = |asked: u32, limit: Option<u32>| {
                [asked, limit.unwrap_or(0)].into_iter().filter(|&limit| limit != 0).min().unwrap_or(0)
            };
            let attributes = attributes.unwrap_or_else(|| vec!["cn".into(), "sn".into()]);
            let attributes: Vec<&[u8]> = attributes.iter().map(|selector| selector.as_bytes()).collect();
            let (size, time) = (least(size, size_limit), least(time, time_limit));
            prop_assert_eq!(written, asked(deref_aliases, size, time, &attributes));
        }
    }
}
