//! What is told of a request: everything but what is secret.
//!
//! Credentials, the values of extended operations and of controls, and values that are written to attributes are not
//! even looked at here. How a request ended is not known yet.

use ostiary_ldap::message::{
    AddRequest, Authentication, BindRequest, ChangeKind, Controls, ModifyDnRequest, ModifyRequest, Operation, Request,
    RequestKind, Scope, SearchRequest,
};
use ostiary_ldap::oid::START_TLS_OID;
use ostiary_policy::Asked;
use ostiary_policy::controls::{EXTENDED, is_oid};

use super::RECORD;
use super::draft::Draft;
use super::fields::Field;
use super::filter::Filters;
use super::last::Last;
use super::secret::SecretAttributes;
use super::spec::Format;
use super::text::Text;

/// What was told of searches last.
#[derive(Default)]
pub(super) struct LastSearch {
    base: Last<Vec<u8>>,
    attributes: Last<Vec<u8>>,
}

/// Writes what is told of a request.
pub(super) fn write(request: &Request<'_>, filters: Filters<'_>, last: &mut LastSearch, draft: &mut Draft<'_>) {
    write_kind(request.kind(), draft);
    let secrets = filters.secrets;
    // Texts that may follow the first one.
    let controls = usize::from(!request.controls.is_empty());
    match &request.operation {
        Operation::Search(search) => write_search(search, filters, controls, last, draft),
        Operation::Bind(bind) => write_bind(bind, secrets, controls, draft),
        Operation::Modify(modify) => write_modify(modify, secrets, controls, draft),
        Operation::Add(add) => write_add(add, secrets, controls, draft),
        Operation::Delete(delete) => {
            draft.text(Field::Base, controls, |text| push_name(delete.entry, secrets, text));
        }
        Operation::ModifyDn(modify_dn) => write_modify_dn(modify_dn, secrets, controls, draft),
        Operation::Compare(compare) => {
            draft.text(Field::Base, controls.saturating_add(2), |text| push_name(compare.entry, secrets, text));
            draft.text(Field::Filter, controls.saturating_add(1), |text| filters.compare(compare, text));
            draft.list(Field::Attributes, controls, [("", compare.attribute)]);
        }
        Operation::Extended { name, .. } => write_extended(name, request, secrets, controls, draft),
        Operation::Unbind | Operation::Abandon(_) => {}
    }
    write_controls(request.controls, draft);
}

/// Writes of what kind a request is.
pub(super) fn write_kind(kind: RequestKind, draft: &mut Draft<'_>) {
    draft.word(Field::Operation, kind.name());
    if draft.format() != Format::Ecs {
        return;
    }
    let (category, event_type): (&[u8], &[u8]) = match kind {
        RequestKind::Bind => (b"[\"authentication\"]", b"[\"start\"]"),
        RequestKind::Unbind => (b"[\"authentication\"]", b"[\"end\"]"),
        RequestKind::Search | RequestKind::Compare => (b"[\"database\"]", b"[\"access\"]"),
        RequestKind::Add | RequestKind::Modify | RequestKind::Delete | RequestKind::ModifyDn => {
            (b"[\"database\"]", b"[\"change\"]")
        }
        RequestKind::Abandon | RequestKind::Extended => (b"[\"database\"]", b"[\"info\"]"),
    };
    draft.bare(Field::EventCategory, category);
    draft.bare(Field::EventType, event_type);
}

fn write_search(
    search: &SearchRequest<'_>,
    filters: Filters<'_>,
    controls: usize,
    last: &mut LastSearch,
    draft: &mut Draft<'_>,
) {
    let (base, behind) = (search.base_object, controls.saturating_add(2));
    last.base.write(
        draft,
        behind,
        |last| last == base,
        |last| base.clone_into(last),
        |draft| draft.text(Field::Base, behind, |text| push_name(base, filters.secrets, text)),
    );
    draft.word(
        Field::Scope,
        match search.scope {
            Scope::BaseObject => "base",
            Scope::SingleLevel => "one",
            Scope::WholeSubtree => "sub",
            Scope::SubordinateSubtree => "children",
        },
    );
    draft.text(Field::Filter, controls.saturating_add(1), |text| filters.search(search, text));
    let selectors = search.attributes;
    last.attributes.write(
        draft,
        controls,
        |last| last == selectors.encoded(),
        |last| selectors.encoded().clone_into(last),
        |draft| draft.list(Field::Attributes, controls, selectors.map(|selector| ("", selector))),
    );
}

fn write_bind(bind: &BindRequest<'_>, secrets: &SecretAttributes, controls: usize, draft: &mut Draft<'_>) {
    if !bind.name.is_empty() {
        let behind = controls.saturating_add(1);
        draft.text(Field::IdentityAsked, behind, |text| push_name(bind.name, secrets, text));
    }
    let mechanism: &[u8] = match &bind.authentication {
        Authentication::Simple(_) => b"simple",
        Authentication::Sasl { mechanism, .. } => mechanism,
        Authentication::Sicily { .. } => b"sicily",
        Authentication::Other { .. } => b"unknown",
    };
    draft.text(Field::Mechanism, controls, |text| text.push(mechanism));
}

fn write_modify(modify: &ModifyRequest<'_>, secrets: &SecretAttributes, controls: usize, draft: &mut Draft<'_>) {
    draft.text(Field::Base, controls.saturating_add(2), |text| push_name(modify.object, secrets, text));
    // Applications replace a value by deleting the old and adding the new one: that touches one attribute.
    let mut last: &[u8] = b"";
    let touched = modify.changes.filter_map(|change| {
        let description = change.modification.description;
        (core::mem::replace(&mut last, description) != description).then_some(("", description))
    });
    draft.list(Field::Attributes, controls.saturating_add(1), touched);
    let changes = modify.changes.map(|change| (change_word(change.operation), change.modification.description));
    draft.list(Field::Changes, controls, changes);
}

fn change_word(change: ChangeKind) -> &'static str {
    match change {
        ChangeKind::Add => "add:",
        ChangeKind::Delete => "delete:",
        ChangeKind::Replace => "replace:",
        ChangeKind::Increment => "increment:",
    }
}

fn write_add(add: &AddRequest<'_>, secrets: &SecretAttributes, controls: usize, draft: &mut Draft<'_>) {
    draft.text(Field::Base, controls.saturating_add(1), |text| push_name(add.entry, secrets, text));
    draft.list(Field::Attributes, controls, add.attributes.map(|attribute| ("", attribute.description)));
}

fn write_modify_dn(
    modify_dn: &ModifyDnRequest<'_>,
    secrets: &SecretAttributes,
    controls: usize,
    draft: &mut Draft<'_>,
) {
    draft.text(Field::Base, controls.saturating_add(3), |text| push_name(modify_dn.entry, secrets, text));
    draft.text(Field::NewDn, controls, |text| {
        push_name(modify_dn.new_rdn, secrets, text);
        if let Some(superior) = modify_dn.new_superior {
            text.own(",");
            push_name(superior, secrets, text);
        }
    });
}

fn write_extended(
    name: &[u8],
    request: &Request<'_>,
    secrets: &SecretAttributes,
    controls: usize,
    draft: &mut Draft<'_>,
) {
    // Whose password is changed stands among the passwords; the policy reads no more of them than that.
    let asked = Asked::new(request);
    if asked.is_password_modify()
        && let Ok(Some(whose)) = asked.target()
    {
        let whose = whose.to_string();
        draft.text(Field::Base, controls.saturating_add(1), |text| push_name(whose.as_bytes(), secrets, text));
    }
    draft.text(Field::Extended, controls, |text| {
        text.push(name);
        let known = EXTENDED.iter().find(|known| is_oid(name, known.oid)).map(|known| known.name);
        let known = known.or((name == START_TLS_OID.as_bytes()).then_some("start_tls"));
        if let Some(known) = known {
            text.own(" ");
            text.push(known.as_bytes());
        }
    });
}

fn write_controls(controls: Controls<'_>, draft: &mut Draft<'_>) {
    draft.list(Field::Controls, 0, controls.map(|control| ("", control.control_type)));
}

/// A DN, or what should be one, up to the first value in it that is secret.
pub(super) fn push_name(name: &[u8], secrets: &SecretAttributes, text: &mut Text<'_>) {
    // No record shows more of it.
    let name = name.get(..RECORD).unwrap_or(name);
    match secrets.value_within(name) {
        None => text.push(name),
        Some(place) => {
            text.push(name.get(..place).unwrap_or_default());
            text.own("?");
        }
    }
}
