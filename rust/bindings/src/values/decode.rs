//! Requests and responses from bytes to Python values. What is well formed is decided by `ostiary_ldap`.

use ostiary_ldap::message::{self, Authentication, FilterLimits, Operation, RequestKind, ResponseOp};
use ostiary_ldap::result;
use pyo3::PyClass;
use pyo3::prelude::*;

use super::convert::{Octets, Tuple, text, value_error};
use super::filter::Filter;
use super::message::{Control, Message};
use super::request::{
    AbandonRequest, AddRequest, Attribute, BindRequest, CHANGE_OPERATIONS, Change, CompareRequest, DelRequest,
    ExtendedRequest, ModifyDnRequest, ModifyRequest, SearchRequest, UnbindRequest,
};
use super::response::{IntermediateResponse, LdapResult, SearchResultEntry, SearchResultReference};

/// See `_core.pyi`.
#[pyfunction]
pub fn decode_request(py: Python<'_>, message: &[u8]) -> PyResult<Message> {
    let request = message::Request::parse(message, &FilterLimits::default()).map_err(value_error)?;
    let operation = match request.operation {
        Operation::Bind(bind) => object(py, bind_request(&bind)?)?,
        Operation::Unbind => object(py, UnbindRequest)?,
        Operation::Search(search) => object(py, search_request(&search)?)?,
        Operation::Modify(modify) => object(py, modify_request(&modify)?)?,
        Operation::Add(add) => object(
            py,
            AddRequest { entry: text("addRequest.entry", add.entry)?, attributes: attributes(add.attributes)? },
        )?,
        Operation::Delete(delete) => object(py, DelRequest { entry: text("delRequest", delete.entry)? })?,
        Operation::ModifyDn(modify_dn) => object(py, modify_dn_request(&modify_dn)?)?,
        Operation::Compare(compare) => object(
            py,
            CompareRequest {
                entry: text("compareRequest.entry", compare.entry)?,
                attribute_desc: text("compareRequest.ava.attributeDesc", compare.attribute)?,
                assertion_value: Octets::from(compare.value),
            },
        )?,
        Operation::Abandon(message_id) => object(py, AbandonRequest { message_id })?,
        Operation::Extended { name, value } => object(
            py,
            ExtendedRequest {
                request_name: text("extendedReq.requestName", name)?,
                request_value: value.map(Octets::from),
            },
        )?,
    };
    Ok(Message { message_id: request.message_id, operation, controls: controls(request.controls)? })
}

fn object<T: Into<PyClassInitializer<T>> + PyClass>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, value)?.into_any())
}

fn controls<'a>(controls: impl Iterator<Item = message::Control<'a>>) -> PyResult<Tuple<Control>> {
    controls
        .map(|control| {
            Ok(Control {
                control_type: text("controls.controlType", control.control_type)?,
                criticality: control.criticality,
                control_value: control.value.map(Octets::from),
            })
        })
        .collect::<PyResult<_>>()
        .map(Tuple)
}

fn attributes<'a>(attributes: impl Iterator<Item = message::Attribute<'a>>) -> PyResult<Tuple<Attribute>> {
    attributes.map(|one| attribute(&one)).collect::<PyResult<_>>().map(Tuple)
}

fn attribute(attribute: &message::Attribute<'_>) -> PyResult<Attribute> {
    Ok(Attribute {
        description: text("attribute.type", attribute.description)?,
        values: Tuple(attribute.values.map(Octets::from).collect()),
    })
}

fn bind_request(bind: &message::BindRequest<'_>) -> PyResult<BindRequest> {
    let mut request = BindRequest {
        version: bind.version,
        name: text("bindRequest.name", bind.name)?,
        simple: None,
        mechanism: None,
        credentials: None,
    };
    match bind.authentication {
        Authentication::Simple(password) => request.simple = Some(Octets::from(password)),
        Authentication::Sasl { mechanism, credentials } => {
            request.mechanism = Some(text("bindRequest.authentication.sasl.mechanism", mechanism)?);
            request.credentials = credentials.map(Octets::from);
        }
        Authentication::Sicily { .. } | Authentication::Other { .. } => {}
    }
    Ok(request)
}

fn search_request(search: &message::SearchRequest<'_>) -> PyResult<SearchRequest> {
    Ok(SearchRequest {
        base_object: text("searchRequest.baseObject", search.base_object)?,
        scope: u8::try_from(search.scope.number())?,
        filter: Filter::from_ber(search.filter)?,
        attributes: texts("searchRequest.attributes", search.attributes)?,
        deref_aliases: u8::try_from(search.deref_aliases.number())?,
        size_limit: search.size_limit,
        time_limit: search.time_limit,
        types_only: search.types_only,
    })
}

fn modify_request(modify: &message::ModifyRequest<'_>) -> PyResult<ModifyRequest> {
    let changes = modify.changes.map(|change| {
        let number = usize::try_from(change.operation.number())?;
        let operation = CHANGE_OPERATIONS.get(number).copied().unwrap_or_default().to_owned();
        Ok(Change { operation, modification: attribute(&change.modification)? })
    });
    Ok(ModifyRequest {
        object: text("modifyRequest.object", modify.object)?,
        changes: changes.collect::<PyResult<_>>().map(Tuple)?,
    })
}

fn modify_dn_request(modify_dn: &message::ModifyDnRequest<'_>) -> PyResult<ModifyDnRequest> {
    Ok(ModifyDnRequest {
        entry: text("modDNRequest.entry", modify_dn.entry)?,
        new_rdn: text("modDNRequest.newrdn", modify_dn.new_rdn)?,
        delete_old_rdn: modify_dn.delete_old_rdn,
        new_superior: modify_dn.new_superior.map(|dn| text("modDNRequest.newSuperior", dn)).transpose()?,
    })
}

/// See `_core.pyi`.
#[pyfunction]
pub fn decode_response(py: Python<'_>, message: &[u8]) -> PyResult<Message> {
    let head = message::ResponseHead::peek(message)
        .map_err(value_error)?
        .filter(|head| head.length == message.len())
        .ok_or_else(|| value_error("LDAPMessage: not one whole message"))?;
    let operation = match head.operation {
        ResponseOp::SearchEntry => {
            let entry = message::SearchResultEntry::parse(message).map_err(value_error)?;
            object(
                py,
                SearchResultEntry {
                    object_name: text("searchResEntry.objectName", entry.object_name)?,
                    attributes: attributes(entry.attributes)?,
                },
            )?
        }
        ResponseOp::SearchReference => {
            let reference = message::SearchResultReference::parse(message).map_err(value_error)?;
            object(py, SearchResultReference { uris: texts("searchResRef.uri", reference.uris)? })?
        }
        ResponseOp::Intermediate => {
            let intermediate = message::IntermediateResponse::parse(message).map_err(value_error)?;
            object(
                py,
                IntermediateResponse {
                    response_name: intermediate
                        .name
                        .map(|name| text("intermediateResponse.responseName", name))
                        .transpose()?,
                    response_value: intermediate.value.map(Octets::from),
                },
            )?
        }
        final_response => object(py, ldap_result(message, final_response)?)?,
    };
    Ok(Message { message_id: head.message_id, operation, controls: controls(head.controls(message))? })
}

fn ldap_result(message: &[u8], operation: ResponseOp) -> PyResult<LdapResult> {
    let request = RequestKind::ALL
        .into_iter()
        .find(|request| request.response() == Some(operation))
        .ok_or_else(|| value_error("protocolOp: not a final response"))?;
    let (mut server_sasl_creds, mut response_name, mut response_value) = (None, None, None);
    let result = match operation {
        ResponseOp::Bind => {
            let bind = result::BindResponse::parse(message).map_err(value_error)?;
            server_sasl_creds = bind.server_sasl_creds.map(Octets::from);
            bind.result
        }
        ResponseOp::Extended => {
            let extended = result::ExtendedResponse::parse(message).map_err(value_error)?;
            response_name = extended.name.map(|name| text("extendedResp.responseName", name)).transpose()?;
            response_value = extended.value.map(Octets::from);
            extended.result
        }
        _ => result::LdapResult::parse(message).map_err(value_error)?,
    };
    Ok(LdapResult {
        request,
        result_code: result.code.0,
        matched_dn: text("matchedDN", result.matched_dn)?,
        diagnostic_message: text("diagnosticMessage", result.diagnostic_message)?,
        referral: result.referral.map(|uris| texts("referral", uris)).transpose()?.unwrap_or_default(),
        server_sasl_creds,
        response_name,
        response_value,
    })
}

fn texts<'a>(field: &str, strings: impl Iterator<Item = &'a [u8]>) -> PyResult<Tuple<String>> {
    strings.map(|one| text(field, one)).collect::<PyResult<_>>().map(Tuple)
}
