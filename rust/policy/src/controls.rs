//! Controls and extended operations by name, which of them are harmless, and what some controls say of attributes.
//!
//! It does not know what is allowed. Object identifiers are compared arc by arc: a leading zero makes no other one.

use ostiary_ber::{Error, Reader, tag};
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::filter::Filter;
use ostiary_ldap::message::{Control, FilterLimits};
use ostiary_ldap::oid;

use crate::asked::{Selectors, Unreadable};

/// A control or extended operation that has a word in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The word.
    pub name: &'static str,
    /// The object identifier.
    pub oid: &'static str,
    /// Why it passes unlisted; none if it must be listed.
    pub harmless: Option<&'static str>,
}

const fn listed(name: &'static str, oid: &'static str) -> Known {
    Known { name, oid, harmless: None }
}

const fn harmless(name: &'static str, oid: &'static str, why: &'static str) -> Known {
    Known { name, oid, harmless: Some(why) }
}

/// The controls that have names. The harmless ones show or change nothing that the request without them would not.
pub const CONTROLS: &[Known] = &[
    harmless("manage_dsa_it", oid::MANAGE_DSA_IT_OID, "shows referral objects as entries, under the same rules"),
    harmless(
        "paged_results",
        oid::PAGED_RESULTS_OID,
        "cuts the same result into pages; size limits count them together",
    ),
    harmless("password_policy", oid::PASSWORD_POLICY_OID, "asks to be told of the asker's own password's age"),
    harmless("domain_scope", oid::DOMAIN_SCOPE_OID, "asks for fewer referrals"),
    listed("assertion", oid::ASSERTION_OID),
    listed("authorization_identity", "2.16.840.1.113730.3.4.16"),
    listed("dir_sync", oid::DIR_SYNC_OID),
    listed("dont_use_copy", "1.3.6.1.1.22"),
    listed("extended_dn", "1.2.840.113556.1.4.529"),
    listed("fast_bind", oid::FAST_BIND_OID),
    listed("matched_values", oid::MATCHED_VALUES_OID),
    listed("no_op", "1.3.6.1.4.1.4203.1.10.2"),
    listed("notification", oid::NOTIFICATION_OID),
    listed("permissive_modify", "1.2.840.113556.1.4.1413"),
    listed("persistent_search", oid::PERSISTENT_SEARCH_OID),
    listed("post_read", oid::POST_READ_OID),
    listed("pre_read", oid::PRE_READ_OID),
    listed("proxied_authorization", oid::PROXIED_AUTHORIZATION_OID),
    listed("relax", "1.3.6.1.4.1.4203.666.5.12"),
    listed("sd_flags", "1.2.840.113556.1.4.801"),
    listed("search_options", "1.2.840.113556.1.4.1340"),
    listed("show_deleted", "1.2.840.113556.1.4.417"),
    listed("show_recycled", "1.2.840.113556.1.4.2064"),
    listed("sort", oid::SORT_REQUEST_OID),
    listed("subentries", "1.3.6.1.4.1.4203.1.10.1"),
    listed("subtree_delete", oid::SUBTREE_DELETE_OID),
    listed("sync", oid::SYNC_REQUEST_OID),
    listed("transaction", "1.3.6.1.1.21.2"),
    listed("vlv", oid::VIRTUAL_LIST_VIEW_OID),
];

/// The extended operations that have names.
pub const EXTENDED: &[Known] = &[
    harmless("who_am_i", oid::WHO_AM_I_OID, "tells the asker its own name"),
    harmless("cancel", oid::CANCEL_OID, "ends a request of the same client"),
    listed("fast_bind", oid::FAST_BIND_OID),
    listed("password_modify", oid::PASSWORD_MODIFY_OID),
    listed("transaction_end", "1.3.6.1.1.21.3"),
    listed("transaction_start", "1.3.6.1.1.21.1"),
    listed("turn", "1.3.6.1.1.19"),
];

/// Whether `table` has this object identifier among its harmless ones.
pub fn is_harmless(table: &[Known], oid: &[u8]) -> bool {
    table.iter().any(|known| known.harmless.is_some() && is_oid(oid, known.oid))
}

/// Whether two object identifiers are one.
pub fn is_oid(text: &[u8], oid: &str) -> bool {
    let arc = |arc: &[u8]| -> usize { arc.iter().take_while(|digit| **digit == b'0').count() };
    let plain = |text: &[u8]| -> Vec<Vec<u8>> {
        text.split(|octet| *octet == b'.')
            .map(|digits| digits.get(arc(digits)..).unwrap_or_default().to_vec())
            .collect()
    };
    text == oid.as_bytes() || (text.len() > oid.len() && plain(text) == plain(oid.as_bytes()))
}

/// Whether an extended operation is the session's own affair, which no rule judges: `StartTLS`, and Cancel of a request of
/// the client's own, which the session knows by this spelling alone.
pub(crate) fn is_of_session(name: &[u8]) -> bool {
    is_oid(name, oid::START_TLS_OID) || name == oid::CANCEL_OID.as_bytes()
}

/// What a control says of attributes: to ask with it is to ask for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Concern {
    /// Server side sorting (RFC 2891): the order of entries tells of these attributes.
    Sort(Vec<AttributeDescription>),
    /// Virtual list view: the keys are the sort control's.
    VirtualListView,
    /// Assertion (RFC 4528): whether it fails tells whether this filter matches.
    Assertion(Filter),
    /// Pre-read (RFC 4527): shows these of the entry as it was.
    PreRead(Selectors),
    /// Post-read (RFC 4527): shows these of the entry as it becomes.
    PostRead(Selectors),
    /// Matched values (RFC 3876): which values come back tells which of these tests match.
    MatchedValues(Filter),
    /// A control that shows other entries than those that are searched, and of them what it likes.
    OtherEntries,
}

/// Dereferencing (draft-masarati-ldap-deref): shows attributes of the entries that an attribute names.
pub(crate) const DEREFERENCE_OID: &str = "1.3.6.1.4.1.4203.666.5.16";
/// Active Directory's attribute scoped query: the search is done on the entries that an attribute names.
pub(crate) const ATTRIBUTE_SCOPED_QUERY_OID: &str = "1.2.840.113556.1.4.1504";
/// `UnboundID`'s join: attaches whole entries that others name.
pub(crate) const JOIN_OID: &str = "1.3.6.1.4.1.30221.2.5.9";

/// What `control` says of attributes; none if it says nothing of any.
pub(crate) fn concern<'a>(control: &Control<'a>) -> Option<Result<Concern, Unreadable>> {
    let read: fn(&'a [u8]) -> Result<Concern, Unreadable> = match control.control_type {
        name if is_oid(name, oid::SORT_REQUEST_OID) => |value| sort_keys(value).map(Concern::Sort),
        name if is_oid(name, oid::VIRTUAL_LIST_VIEW_OID) => {
            |value| virtual_list_view(value).map(|()| Concern::VirtualListView)
        }
        name if is_oid(name, oid::ASSERTION_OID) => |value| filter(value).map(Concern::Assertion),
        name if is_oid(name, oid::PRE_READ_OID) => |value| selection(value).map(Concern::PreRead),
        name if is_oid(name, oid::POST_READ_OID) => |value| selection(value).map(Concern::PostRead),
        name if is_oid(name, oid::MATCHED_VALUES_OID) => |value| values_filter(value).map(Concern::MatchedValues),
        name if [DEREFERENCE_OID, ATTRIBUTE_SCOPED_QUERY_OID, JOIN_OID].iter().any(|oid| is_oid(name, oid)) => {
            return Some(Ok(Concern::OtherEntries));
        }
        _ => return None,
    };
    Some(control.value.ok_or(Unreadable).and_then(read))
}

fn only_sequence<'a>(value: &'a [u8], field: &'static str) -> Result<Reader<'a>, Error> {
    let mut outer = Reader::new(value);
    let sequence = outer.read_reader(field, tag::SEQUENCE)?;
    outer.finish(field)?;
    Ok(sequence)
}

/// `SortKeyList ::= SEQUENCE OF SEQUENCE { attributeType AttributeDescription, orderingRule [0] MatchingRuleId
/// OPTIONAL, reverseOrder [1] BOOLEAN DEFAULT FALSE }`
fn sort_keys(value: &[u8]) -> Result<Vec<AttributeDescription>, Unreadable> {
    let read = || {
        let mut keys = only_sequence(value, "sortKeyList")?;
        let mut attributes = Vec::new();
        while !keys.is_empty() {
            let mut key = keys.read_reader("sortKey", tag::SEQUENCE)?;
            attributes.push(AttributeDescription::parse(key.octet_string("sortKey.attributeType")?));
            key.read_optional("sortKey.orderingRule", 0x80)?;
            key.read_optional("sortKey.reverseOrder", 0x81)?;
            key.finish("sortKey")?;
        }
        Ok::<_, Error>(attributes)
    };
    read().map_err(|_| Unreadable)?.into_iter().collect::<Result<_, _>>().map_err(|_| Unreadable)
}

/// `VirtualListViewRequest ::= SEQUENCE { beforeCount INTEGER, afterCount INTEGER, target CHOICE { byOffset [0]
/// SEQUENCE, greaterThanOrEqual [1] AssertionValue }, contextID OCTET STRING OPTIONAL }`
fn virtual_list_view(value: &[u8]) -> Result<(), Unreadable> {
    let read = || {
        let mut fields = only_sequence(value, "virtualListView")?;
        fields.read("virtualListView.beforeCount", tag::INTEGER)?;
        fields.read("virtualListView.afterCount", tag::INTEGER)?;
        if fields.read_optional("virtualListView.byOffset", 0xa0)?.is_none() {
            fields.read("virtualListView.greaterThanOrEqual", 0x81)?;
        }
        fields.read_optional("virtualListView.contextID", tag::OCTET_STRING)?;
        fields.finish("virtualListView")
    };
    read().map_err(|_| Unreadable)
}

/// A filter that no session has checked: within the bounds that a search's has by default.
fn filter(value: &[u8]) -> Result<Filter, Unreadable> {
    Filter::from_ber(value, &FilterLimits::default()).map_err(|_| Unreadable)
}

/// `AttributeSelection ::= SEQUENCE OF selector LDAPString`
fn selection(value: &[u8]) -> Result<Selectors, Unreadable> {
    let mut list = only_sequence(value, "attributeSelection").map_err(|_| Unreadable)?;
    let mut selectors = Vec::new();
    while !list.is_empty() {
        selectors.push(list.octet_string("attributeSelection").map_err(|_| Unreadable)?);
    }
    Ok(Selectors::read(selectors.into_iter()))
}

/// `ValuesReturnFilter ::= SEQUENCE OF SimpleFilterItem`, the items a filter's: so it is an `and` by another tag.
fn values_filter(value: &[u8]) -> Result<Filter, Unreadable> {
    only_sequence(value, "valuesReturnFilter").map_err(|_| Unreadable)?;
    let mut and = value.to_vec();
    if let Some(first) = and.first_mut() {
        *first = 0xa0;
    }
    filter(&and)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_name_and_identifier_stands_once() {
        for table in [CONTROLS, EXTENDED] {
            let names: HashSet<_> = table.iter().map(|known| known.name).collect();
            let oids: HashSet<_> = table.iter().map(|known| known.oid).collect();
            assert_eq!((names.len(), oids.len()), (table.len(), table.len()));
            assert!(table.iter().all(|known| oid::is_numeric_oid(known.oid.as_bytes())));
        }
    }

    #[test]
    fn the_harmless_set_is_short() {
        let harmless = |table: &[Known]| -> Vec<&str> {
            table.iter().filter(|known| known.harmless.is_some()).map(|known| known.name).collect()
        };
        assert_eq!(harmless(CONTROLS), ["manage_dsa_it", "paged_results", "password_policy", "domain_scope"]);
        assert_eq!(harmless(EXTENDED), ["who_am_i", "cancel"]);
        assert!(is_harmless(CONTROLS, oid::PAGED_RESULTS_OID.as_bytes()));
        assert!(!is_harmless(CONTROLS, oid::SORT_REQUEST_OID.as_bytes()));
    }

    #[test]
    fn a_leading_zero_makes_no_other_identifier() {
        assert!(is_oid(b"1.2.3", "1.2.3") && is_oid(b"1.02.003", "1.2.3") && is_oid(b"1.0.3", "1.0.3"));
        assert!(is_oid(b"1.00.3", "1.0.3"));
        assert!(!is_oid(b"1.2.30", "1.2.3") && !is_oid(b"1.2.3.0", "1.2.3") && !is_oid(b"1.20.3", "1.2.3"));
    }
}
