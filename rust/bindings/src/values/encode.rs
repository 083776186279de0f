//! Python values to bytes, by the builders of `ostiary_ldap::write`.
//!
//! Where a test must be able to say more than the gateway ever does (an old version in a bind, controls everywhere, a
//! referral), the body is written here.

use ostiary_ber::{Writer, tag};
use ostiary_ldap::message::{self, ChangeKind, DerefAliases, RequestKind, ResponseOp, Scope};
use ostiary_ldap::write::{self, NewChange, NewSearch};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::convert::{Octets, Tuple};
use super::message::{Control, Message};
use super::request::{
    AbandonRequest, AddRequest, Attribute, BindRequest, CompareRequest, DelRequest, ExtendedRequest, ModifyDnRequest,
    ModifyRequest, SearchRequest, UnbindRequest,
};
use super::response::{IntermediateResponse, LdapResult, SearchResultEntry, SearchResultReference};

/// The bytes of a message with this operation.
pub fn encode(message: &Message, operation: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    if message.message_id > i32::MAX.unsigned_abs() {
        return Err(PyValueError::new_err(format!("messageID: above maxInt: {}", message.message_id)));
    }
    let mut out = Vec::new();
    let controls: Vec<message::Control<'_>> = message.controls.0.iter().map(control).collect();
    let envelope = Envelope { out: &mut out, message_id: message.message_id, controls: &controls };
    if let Ok(result) = operation.cast::<LdapResult>() {
        envelope.result(result.get());
    } else if let Ok(entry) = operation.cast::<SearchResultEntry>() {
        envelope.search_entry(entry.get());
    } else if let Ok(reference) = operation.cast::<SearchResultReference>() {
        envelope.constructed(ResponseOp::SearchReference.tag(), |body| {
            for uri in &reference.get().uris.0 {
                body.octet_string(tag::OCTET_STRING, uri.as_bytes());
            }
        });
    } else if let Ok(intermediate) = operation.cast::<IntermediateResponse>() {
        envelope.intermediate(intermediate.get());
    } else {
        envelope.request(operation)?;
    }
    Ok(out)
}

/// Where a message is written, and what every message has.
struct Envelope<'a> {
    out: &'a mut Vec<u8>,
    message_id: u32,
    controls: &'a [message::Control<'a>],
}

impl Envelope<'_> {
    fn constructed(self, tag: u8, body: impl FnOnce(&mut Writer<'_>)) {
        write::message(self.out, self.message_id, self.controls, |writer| writer.sequence(tag, body));
    }

    fn request(self, operation: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(bind) = operation.cast::<BindRequest>() {
            self.bind(bind.get())?;
        } else if operation.is_instance_of::<UnbindRequest>() {
            write::unbind_request(self.out, self.message_id);
        } else if let Ok(search) = operation.cast::<SearchRequest>() {
            self.search(search.get())?;
        } else if let Ok(modify) = operation.cast::<ModifyRequest>() {
            self.modify(modify.get())?;
        } else if let Ok(add) = operation.cast::<AddRequest>() {
            let add = add.get();
            let attributes = octets_of(&add.attributes);
            write::add_request(self.out, self.message_id, add.entry.as_bytes(), attributes, self.controls);
        } else if let Ok(delete) = operation.cast::<DelRequest>() {
            write::delete_request(self.out, self.message_id, delete.get().entry.as_bytes(), self.controls);
        } else if let Ok(modify_dn) = operation.cast::<ModifyDnRequest>() {
            self.modify_dn(modify_dn.get());
        } else if let Ok(compare) = operation.cast::<CompareRequest>() {
            self.compare(compare.get());
        } else if let Ok(abandon) = operation.cast::<AbandonRequest>() {
            let abandoned = abandon.get().message_id;
            write::message(self.out, self.message_id, self.controls, |writer| {
                writer.integer_tagged(RequestKind::Abandon.tag(), abandoned);
            });
        } else if let Ok(extended) = operation.cast::<ExtendedRequest>() {
            let extended = extended.get();
            let value = extended.request_value.as_ref().map(octets);
            let name = extended.request_name.as_bytes();
            write::extended_request(self.out, self.message_id, name, value, self.controls);
        } else {
            return Err(PyTypeError::new_err("not an operation of LDAP"));
        }
        Ok(())
    }

    fn bind(self, bind: &BindRequest) -> PyResult<()> {
        if bind.simple.is_some() == bind.mechanism.is_some() {
            return Err(PyValueError::new_err("bindRequest: needs either simple or mechanism"));
        }
        self.constructed(RequestKind::Bind.tag(), |body| {
            body.integer(i64::from(bind.version));
            body.octet_string(tag::OCTET_STRING, bind.name.as_bytes());
            if let Some(password) = &bind.simple {
                body.octet_string(0x80, &password.0);
            } else if let Some(mechanism) = &bind.mechanism {
                body.sequence(0xa3, |sasl| {
                    sasl.octet_string(tag::OCTET_STRING, mechanism.as_bytes());
                    if let Some(credentials) = &bind.credentials {
                        sasl.octet_string(tag::OCTET_STRING, &credentials.0);
                    }
                });
            }
        });
        Ok(())
    }

    fn search(self, search: &SearchRequest) -> PyResult<()> {
        let filter = search.filter.to_ber()?;
        let attributes: Vec<&[u8]> = search.attributes.0.iter().map(String::as_bytes).collect();
        let new = NewSearch {
            base_object: search.base_object.as_bytes(),
            scope: scope(search.scope)?,
            deref_aliases: deref_aliases(search.deref_aliases)?,
            size_limit: search.size_limit,
            time_limit: search.time_limit,
            types_only: search.types_only,
            filter: &filter,
            attributes: &attributes,
        };
        write::search_request(self.out, self.message_id, &new, self.controls);
        Ok(())
    }

    fn modify(self, modify: &ModifyRequest) -> PyResult<()> {
        let values: Vec<Vec<&[u8]>> =
            modify.changes.0.iter().map(|change| change.modification.values.0.iter().map(octets).collect()).collect();
        let changes = modify.changes.0.iter().zip(&values).map(|(change, values)| {
            Ok(NewChange {
                operation: change_kind(&change.operation)?,
                description: change.modification.description.as_bytes(),
                values,
            })
        });
        let changes = changes.collect::<PyResult<Vec<_>>>()?;
        write::modify_request(self.out, self.message_id, modify.object.as_bytes(), &changes, self.controls);
        Ok(())
    }

    fn modify_dn(self, modify_dn: &ModifyDnRequest) {
        self.constructed(RequestKind::ModifyDn.tag(), |body| {
            body.octet_string(tag::OCTET_STRING, modify_dn.entry.as_bytes());
            body.octet_string(tag::OCTET_STRING, modify_dn.new_rdn.as_bytes());
            body.boolean(modify_dn.delete_old_rdn);
            if let Some(superior) = &modify_dn.new_superior {
                body.octet_string(0x80, superior.as_bytes());
            }
        });
    }

    fn compare(self, compare: &CompareRequest) {
        self.constructed(RequestKind::Compare.tag(), |body| {
            body.octet_string(tag::OCTET_STRING, compare.entry.as_bytes());
            body.sequence(tag::SEQUENCE, |assertion| {
                assertion.octet_string(tag::OCTET_STRING, compare.attribute_desc.as_bytes());
                assertion.octet_string(tag::OCTET_STRING, &compare.assertion_value.0);
            });
        });
    }

    fn search_entry(self, entry: &SearchResultEntry) {
        let attributes = octets_of(&entry.attributes);
        write::search_entry(self.out, self.message_id, entry.object_name.as_bytes(), attributes, self.controls);
    }

    fn intermediate(self, intermediate: &IntermediateResponse) {
        let name = intermediate.response_name.as_ref().map(String::as_bytes);
        let value = intermediate.response_value.as_ref().map(octets);
        write::intermediate(self.out, self.message_id, name, value, self.controls);
    }

    fn result(self, result: &LdapResult) {
        let Some(operation) = result.request.response() else { return };
        self.constructed(operation.tag(), |body| {
            body.enumerated(i64::from(result.result_code));
            body.octet_string(tag::OCTET_STRING, result.matched_dn.as_bytes());
            body.octet_string(tag::OCTET_STRING, result.diagnostic_message.as_bytes());
            if !result.referral.0.is_empty() {
                body.sequence(0xa3, |uris| {
                    for uri in &result.referral.0 {
                        uris.octet_string(tag::OCTET_STRING, uri.as_bytes());
                    }
                });
            }
            if let Some(credentials) = &result.server_sasl_creds {
                body.octet_string(0x87, &credentials.0);
            }
            if let Some(name) = &result.response_name {
                body.octet_string(0x8a, name.as_bytes());
            }
            if let Some(value) = &result.response_value {
                body.octet_string(0x8b, &value.0);
            }
        });
    }
}

fn octets(octets: &Octets) -> &[u8] {
    &octets.0
}

fn octets_of(attributes: &Tuple<Attribute>) -> impl Iterator<Item = (&[u8], impl Iterator<Item = &[u8]>)> {
    attributes.0.iter().map(|one| (one.description.as_bytes(), one.values.0.iter().map(octets)))
}

fn control(control: &Control) -> message::Control<'_> {
    message::Control {
        control_type: control.control_type.as_bytes(),
        criticality: control.criticality,
        value: control.control_value.as_ref().map(octets),
    }
}

fn scope(number: u8) -> PyResult<Scope> {
    [Scope::BaseObject, Scope::SingleLevel, Scope::WholeSubtree, Scope::SubordinateSubtree]
        .into_iter()
        .find(|scope| scope.number() == i64::from(number))
        .ok_or_else(|| PyValueError::new_err(format!("searchRequest.scope: expected 0 to 3: {number}")))
}

fn deref_aliases(number: u8) -> PyResult<DerefAliases> {
    [
        DerefAliases::NeverDerefAliases,
        DerefAliases::DerefInSearching,
        DerefAliases::DerefFindingBaseObj,
        DerefAliases::DerefAlways,
    ]
    .into_iter()
    .find(|deref| deref.number() == i64::from(number))
    .ok_or_else(|| PyValueError::new_err(format!("searchRequest.derefAliases: expected 0 to 3: {number}")))
}

fn change_kind(operation: &str) -> PyResult<ChangeKind> {
    Ok(match operation {
        "add" => ChangeKind::Add,
        "delete" => ChangeKind::Delete,
        "replace" => ChangeKind::Replace,
        "increment" => ChangeKind::Increment,
        _ => return Err(PyValueError::new_err(format!("not an operation of a modify request: {operation}"))),
    })
}
