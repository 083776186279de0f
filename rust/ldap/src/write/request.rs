//! Builders of requests.
//!
//! The gateway itself sends only `StartTLS`, anonymous binds and unbinds; the rest is for requests that a plugin put in
//! another's place, for probes and for tests.

use ostiary_ber::{Writer, tag};

use super::{message, write_attribute};
use crate::message::{ChangeKind, Control, DerefAliases, MessageId, RequestKind, Scope};
use crate::oid;

/// The LDAP version that is spoken.
const VERSION: i64 = 3;

fn request(
    out: &mut Vec<u8>,
    message_id: MessageId,
    kind: RequestKind,
    controls: &[Control<'_>],
    body: impl FnOnce(&mut Writer<'_>),
) {
    message(out, message_id, controls, |writer| {
        writer.sequence(kind.tag(), body);
    });
}

fn text(writer: &mut Writer<'_>, octets: &[u8]) {
    writer.octet_string(tag::OCTET_STRING, octets);
}

/// A simple bind.
pub fn bind_request(out: &mut Vec<u8>, message_id: MessageId, name: &[u8], password: &[u8], controls: &[Control<'_>]) {
    request(out, message_id, RequestKind::Bind, controls, |body| {
        body.integer(VERSION);
        text(body, name);
        body.octet_string(0x80, password);
    });
}

/// One step of a SASL bind.
pub fn sasl_bind_request(out: &mut Vec<u8>, message_id: MessageId, mechanism: &[u8], credentials: Option<&[u8]>) {
    request(out, message_id, RequestKind::Bind, &[], |body| {
        body.integer(VERSION);
        text(body, b"");
        body.sequence(0xa3, |sasl| {
            text(sasl, mechanism);
            if let Some(credentials) = credentials {
                text(sasl, credentials);
            }
        });
    });
}

/// The bind that makes a connection anonymous (RFC 4513 section 5.1.1).
pub fn anonymous_bind_request(out: &mut Vec<u8>, message_id: MessageId) {
    bind_request(out, message_id, b"", b"", &[]);
}

/// The end of a session.
pub fn unbind_request(out: &mut Vec<u8>, message_id: MessageId) {
    message(out, message_id, &[], |writer| {
        writer.octet_string(RequestKind::Unbind.tag(), b"");
    });
}

/// To give up on another request.
pub fn abandon_request(out: &mut Vec<u8>, message_id: MessageId, abandoned: MessageId) {
    message(out, message_id, &[], |writer| {
        writer.integer_tagged(RequestKind::Abandon.tag(), i64::from(abandoned));
    });
}

/// What a search asks for.
#[derive(Debug, Clone, Copy)]
pub struct NewSearch<'a> {
    /// The DN where it starts.
    pub base_object: &'a [u8],
    /// How far below it looks.
    pub scope: Scope,
    /// When it follows aliases.
    pub deref_aliases: DerefAliases,
    /// How many entries at most; 0 is no limit.
    pub size_limit: u32,
    /// How many seconds at most; 0 is no limit.
    pub time_limit: u32,
    /// Whether the values are left out.
    pub types_only: bool,
    /// The filter, one encoded element.
    pub filter: &'a [u8],
    /// The attribute selectors.
    pub attributes: &'a [&'a [u8]],
}

/// A search.
pub fn search_request(out: &mut Vec<u8>, message_id: MessageId, search: &NewSearch<'_>, controls: &[Control<'_>]) {
    request(out, message_id, RequestKind::Search, controls, |body| {
        text(body, search.base_object);
        body.enumerated(search.scope.number());
        body.enumerated(search.deref_aliases.number());
        body.integer(i64::from(search.size_limit));
        body.integer(i64::from(search.time_limit));
        body.boolean(search.types_only);
        body.raw(search.filter);
        body.sequence(tag::SEQUENCE, |list| {
            search.attributes.iter().for_each(|selector| text(list, selector));
        });
    });
}

/// One change of a modify request.
#[derive(Debug, Clone, Copy)]
pub struct NewChange<'a> {
    /// What is done.
    pub operation: ChangeKind,
    /// To which attribute.
    pub description: &'a [u8],
    /// With which values.
    pub values: &'a [&'a [u8]],
}

/// A change of attributes.
pub fn modify_request(
    out: &mut Vec<u8>,
    message_id: MessageId,
    object: &[u8],
    changes: &[NewChange<'_>],
    controls: &[Control<'_>],
) {
    request(out, message_id, RequestKind::Modify, controls, |body| {
        text(body, object);
        body.sequence(tag::SEQUENCE, |list| {
            for change in changes {
                list.sequence(tag::SEQUENCE, |item| {
                    item.enumerated(change.operation.number());
                    write_attribute(item, change.description, change.values.iter().copied());
                });
            }
        });
    });
}

/// A new entry: its DN, and its attributes with their values.
pub fn add_request<'e, Values>(
    out: &mut Vec<u8>,
    message_id: MessageId,
    entry: &[u8],
    attributes: impl IntoIterator<Item = (&'e [u8], Values)>,
    controls: &[Control<'_>],
) where
    Values: IntoIterator<Item = &'e [u8]>,
{
    request(out, message_id, RequestKind::Add, controls, |body| {
        text(body, entry);
        body.sequence(tag::SEQUENCE, |list| {
            for (description, values) in attributes {
                write_attribute(list, description, values);
            }
        });
    });
}

/// The removal of an entry.
pub fn delete_request(out: &mut Vec<u8>, message_id: MessageId, entry: &[u8], controls: &[Control<'_>]) {
    message(out, message_id, controls, |writer| {
        writer.octet_string(RequestKind::Delete.tag(), entry);
    });
}

/// The renaming of an entry, or its move below `new_superior`.
pub fn modify_dn_request(
    out: &mut Vec<u8>,
    message_id: MessageId,
    entry: &[u8],
    new_rdn: &[u8],
    delete_old_rdn: bool,
    new_superior: Option<&[u8]>,
) {
    request(out, message_id, RequestKind::ModifyDn, &[], |body| {
        text(body, entry);
        text(body, new_rdn);
        body.boolean(delete_old_rdn);
        if let Some(superior) = new_superior {
            body.octet_string(0x80, superior);
        }
    });
}

/// The question whether an entry has a value.
pub fn compare_request(out: &mut Vec<u8>, message_id: MessageId, entry: &[u8], attribute: &[u8], value: &[u8]) {
    request(out, message_id, RequestKind::Compare, &[], |body| {
        text(body, entry);
        body.sequence(tag::SEQUENCE, |ava| {
            text(ava, attribute);
            text(ava, value);
        });
    });
}

/// An extended operation.
pub fn extended_request(
    out: &mut Vec<u8>,
    message_id: MessageId,
    name: &[u8],
    value: Option<&[u8]>,
    controls: &[Control<'_>],
) {
    request(out, message_id, RequestKind::Extended, controls, |body| {
        body.octet_string(0x80, name);
        if let Some(value) = value {
            body.octet_string(0x81, value);
        }
    });
}

/// The request to start TLS.
pub fn start_tls_request(out: &mut Vec<u8>, message_id: MessageId) {
    extended_request(out, message_id, oid::START_TLS_OID.as_bytes(), None, &[]);
}
