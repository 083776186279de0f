//! Which requests would tell of what is hidden without showing it: by a test, an order, or an error.
//!
//! To ask for a hidden attribute is no offence: it is cut from the answer. To write one is none either, for hiding is
//! about reading; who may write is for other stages to say (that a modify fails may tell that a value is there).
//! Binds, Unbind and Abandon are not looked at: a hidden account may still log in.

use ostiary_ber::{Error, Reader, tag};
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::filter::{Filter, Item};
use ostiary_ldap::message::{Control, RequestKind};
use ostiary_ldap::oid::{POST_READ_OID, PRE_READ_OID};

use super::secrets::Secrets;
use crate::asked::{Asked, Selectors};
use crate::controls::{ATTRIBUTE_SCOPED_QUERY_OID, Concern, DEREFERENCE_OID, JOIN_OID, is_oid};

/// Part of a transaction (RFC 5805): what its controls answer comes in the value of another operation's response,
/// which is not looked into.
const TRANSACTION_OID: &str = "1.3.6.1.1.21.2";

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Its target is hidden: there is no such object.
    Hidden,
    /// It would tell of something hidden.
    Tells,
    /// What it asks cannot be normalised, so it may.
    Unreadable,
}

/// The rule by which a request is refused, and why, if it is.
pub(super) fn refusal(secrets: &Secrets, asked: &Asked<'_>) -> Option<(u16, Why)> {
    if matches!(asked.kind(), RequestKind::Bind | RequestKind::Unbind | RequestKind::Abandon) {
        return None;
    }
    hidden_target(secrets, asked).or_else(|| attributes(secrets, asked)).or_else(|| other_entries(secrets, asked))
}

fn hidden_target(secrets: &Secrets, asked: &Asked<'_>) -> Option<(u16, Why)> {
    let first = secrets.first_hiding()?;
    for place in [asked.target(), asked.destination()] {
        match place {
            Err(_) => return Some((first, Why::Unreadable)),
            Ok(Some(dn)) => {
                if let Some(rule) = secrets.hides(dn) {
                    return Some((rule, Why::Hidden));
                }
            }
            Ok(None) => {}
        }
    }
    // Whoever renames an entry above a hidden one takes it out of the place where it is hidden.
    let moved = asked.target().ok().flatten().filter(|_| asked.kind() == RequestKind::ModifyDn)?;
    secrets.hides_below(moved).map(|rule| (rule, Why::Tells))
}

fn attributes(secrets: &Secrets, asked: &Asked<'_>) -> Option<(u16, Why)> {
    let first = secrets.forbid_all()?;
    let unreadable = Some((first, Why::Unreadable));
    match asked.filter() {
        Err(_) => return unreadable,
        Ok(filter) => {
            if let Some(rule) = filter.and_then(|filter| filter_tests(secrets, filter)) {
                return Some((rule, Why::Tells));
            }
        }
    }
    if asked.kind() == RequestKind::Compare {
        let Ok(touched) = asked.touched() else { return unreadable };
        if let Some(rule) = touched.iter().find_map(|touched| secrets.forbid_testing(&touched.attribute)) {
            return Some((rule, Why::Tells));
        }
    }
    concern(secrets, asked, first)
}

fn concern(secrets: &Secrets, asked: &Asked<'_>, first: u16) -> Option<(u16, Why)> {
    let unreadable = Some((first, Why::Unreadable));
    let concerns = asked.concerns();
    let is_sorted = concerns.iter().any(|concern| matches!(concern, Ok(Concern::Sort(_))));
    for concern in concerns {
        let Ok(concern) = concern else { return unreadable };
        let rule = match concern {
            // Which attributes of them, `other_entries` looks at.
            Concern::OtherEntries => None,
            // The keys are the sort control's; without it, who knows whose they are.
            Concern::VirtualListView if is_sorted => None,
            Concern::VirtualListView => return unreadable,
            Concern::Sort(keys) => keys.iter().find_map(|key| secrets.forbid_testing(key)),
            Concern::Assertion(filter) | Concern::MatchedValues(filter) => filter_tests(secrets, filter),
            Concern::PreRead(selectors) | Concern::PostRead(selectors) => selectors_name(secrets, selectors),
        };
        if let Some(rule) = rule {
            return Some((rule, Why::Tells));
        }
    }
    None
}

/// An extended match without an attribute tests every one; so may one that looks into DNs, as servers read it.
fn filter_tests(secrets: &Secrets, filter: &Filter) -> Option<u16> {
    filter.items().find_map(|item| match (item, item.attribute()) {
        (Item::Extensible(extensible), _) if extensible.dn_attributes => secrets.forbid_all(),
        (_, None) => secrets.forbid_all(),
        (_, Some(attribute)) => secrets.forbid_testing(attribute),
    })
}

fn selectors_name(secrets: &Secrets, selectors: &Selectors) -> Option<u16> {
    selectors.named.iter().find_map(|(attribute, _)| secrets.forbid_testing(attribute))
}

/// Controls that follow an attribute to other entries, or whose answer shows entries where none are looked for.
fn other_entries(secrets: &Secrets, asked: &Asked<'_>) -> Option<(u16, Why)> {
    let first = secrets.forbid_all().or_else(|| secrets.first_hiding())?;
    let mut controls = asked.request().controls;
    let has = |oid| asked.request().controls.into_iter().any(|control| has_oid(&control, oid));
    if has(TRANSACTION_OID) && (has(PRE_READ_OID) || has(POST_READ_OID)) {
        return Some((first, Why::Tells));
    }
    controls.find_map(|control| {
        let named = if has_oid(&control, DEREFERENCE_OID) {
            // What it shows of an entry goes by no DN that is looked at here.
            if let Some(rule) = secrets.first_hiding() {
                return Some((rule, Why::Tells));
            }
            dereferenced(&control)
        } else if has_oid(&control, ATTRIBUTE_SCOPED_QUERY_OID) {
            scoped_by(&control)
        } else {
            return has_oid(&control, JOIN_OID).then_some((first, Why::Tells));
        };
        let read = named.map(|named| named.into_iter().map(AttributeDescription::parse).collect::<Result<Vec<_>, _>>());
        let Ok(Ok(named)) = read else { return Some((first, Why::Unreadable)) };
        let rule = named.iter().find_map(|attribute| secrets.forbid_testing(attribute))?;
        Some((rule, Why::Tells))
    })
}

fn has_oid(control: &Control<'_>, oid: &str) -> bool {
    is_oid(control.control_type, oid)
}

/// `controlValue ::= SEQUENCE OF derefSpec SEQUENCE { derefAttr OCTET STRING, attributes SEQUENCE OF OCTET STRING }`
fn dereferenced<'a>(control: &Control<'a>) -> Result<Vec<&'a [u8]>, Error> {
    let mut outer = Reader::new(control.value.unwrap_or_default());
    let mut specs = outer.read_reader("deref", tag::SEQUENCE)?;
    outer.finish("deref")?;
    let mut named = Vec::new();
    while !specs.is_empty() {
        let mut spec = specs.read_reader("deref.spec", tag::SEQUENCE)?;
        named.push(spec.octet_string("deref.spec.derefAttr")?);
        let mut attributes = spec.read_reader("deref.spec.attributes", tag::SEQUENCE)?;
        spec.finish("deref.spec")?;
        while !attributes.is_empty() {
            named.push(attributes.octet_string("deref.spec.attributes")?);
        }
    }
    Ok(named)
}

/// `controlValue ::= SEQUENCE { sourceAttribute OCTET STRING }`
fn scoped_by<'a>(control: &Control<'a>) -> Result<Vec<&'a [u8]>, Error> {
    let mut outer = Reader::new(control.value.unwrap_or_default());
    let mut fields = outer.read_reader("attributeScopedQuery", tag::SEQUENCE)?;
    outer.finish("attributeScopedQuery")?;
    let source = fields.octet_string("attributeScopedQuery.sourceAttribute")?;
    fields.finish("attributeScopedQuery")?;
    Ok(vec![source])
}
