//! Builders of responses.
//!
//! They know which tag answers which request ([`RequestKind::response`]) and nothing of why.

use ostiary_ber::{Writer, tag};

use super::{message, write_attribute};
use crate::message::{Control, MessageId, RequestKind, ResponseOp};
use crate::oid;
use crate::result::ResultCode;

fn result(
    writer: &mut Writer<'_>,
    operation: ResponseOp,
    (code, matched_dn, text): (ResultCode, &[u8], &str),
    more: impl FnOnce(&mut Writer<'_>),
) {
    writer.sequence(operation.tag(), |body| {
        body.enumerated(i64::from(code.0));
        body.octet_string(tag::OCTET_STRING, matched_dn);
        body.octet_string(tag::OCTET_STRING, text.as_bytes());
        more(body);
    });
}

/// A response that is a result and no more: the final one of any operation.
pub fn result_response(
    out: &mut Vec<u8>,
    message_id: MessageId,
    operation: ResponseOp,
    code: ResultCode,
    matched_dn: &[u8],
    text: &str,
) {
    message(out, message_id, &[], |writer| {
        result(writer, operation, (code, matched_dn, text), |_| {});
    });
}

/// The refusal of a request of this kind, in the response that it is waiting for.
///
/// Nothing is written for unbind and abandon, which are never answered. An extended refusal carries no
/// responseName: it is not a response of that operation (RFC 4511 section 4.12).
pub fn refusal(out: &mut Vec<u8>, message_id: MessageId, kind: RequestKind, code: ResultCode, text: &str) {
    if let Some(operation) = kind.response() {
        result_response(out, message_id, operation, code, &[], text);
    }
}

/// The Notice of Disconnection (RFC 4511 section 4.4.1), after which the connection is closed.
pub fn notice_of_disconnection(out: &mut Vec<u8>, code: ResultCode, text: &str) {
    let name = Some(oid::NOTICE_OF_DISCONNECTION_OID.as_bytes());
    extended_response(out, 0, code, text, name, None, &[]);
}

/// The response that agrees to `StartTLS`; TLS starts with the next byte.
pub fn start_tls_response(out: &mut Vec<u8>, message_id: MessageId) {
    let name = Some(oid::START_TLS_OID.as_bytes());
    extended_response(out, message_id, ResultCode::SUCCESS, "", name, None, &[]);
}

/// A bind response, with what a SASL mechanism says.
pub fn bind_response(
    out: &mut Vec<u8>,
    message_id: MessageId,
    code: ResultCode,
    text: &str,
    server_sasl_creds: Option<&[u8]>,
) {
    message(out, message_id, &[], |writer| {
        result(writer, ResponseOp::Bind, (code, &[], text), |body| {
            if let Some(credentials) = server_sasl_creds {
                body.octet_string(0x87, credentials);
            }
        });
    });
}

/// An extended response.
pub fn extended_response(
    out: &mut Vec<u8>,
    message_id: MessageId,
    code: ResultCode,
    text: &str,
    name: Option<&[u8]>,
    value: Option<&[u8]>,
    controls: &[Control<'_>],
) {
    message(out, message_id, controls, |writer| {
        result(writer, ResponseOp::Extended, (code, &[], text), |body| {
            if let Some(name) = name {
                body.octet_string(0x8a, name);
            }
            if let Some(value) = value {
                body.octet_string(0x8b, value);
            }
        });
    });
}

/// An intermediate response (RFC 4511 section 4.13).
pub fn intermediate(
    out: &mut Vec<u8>,
    message_id: MessageId,
    name: Option<&[u8]>,
    value: Option<&[u8]>,
    controls: &[Control<'_>],
) {
    message(out, message_id, controls, |writer| {
        writer.sequence(ResponseOp::Intermediate.tag(), |body| {
            if let Some(name) = name {
                body.octet_string(0x80, name);
            }
            if let Some(value) = value {
                body.octet_string(0x81, value);
            }
        });
    });
}

/// An entry that a search found: its DN, and its attributes with their values.
pub fn search_entry<'e, Values>(
    out: &mut Vec<u8>,
    message_id: MessageId,
    dn: &[u8],
    attributes: impl IntoIterator<Item = (&'e [u8], Values)>,
    controls: &[Control<'_>],
) where
    Values: IntoIterator<Item = &'e [u8]>,
{
    message(out, message_id, controls, |writer| {
        writer.sequence(ResponseOp::SearchEntry.tag(), |body| {
            body.octet_string(tag::OCTET_STRING, dn);
            body.sequence(tag::SEQUENCE, |list| {
                for (description, values) in attributes {
                    write_attribute(list, description, values);
                }
            });
        });
    });
}

/// The URIs where a search may be continued.
pub fn search_reference<'u>(out: &mut Vec<u8>, message_id: MessageId, uris: impl IntoIterator<Item = &'u [u8]>) {
    message(out, message_id, &[], |writer| {
        writer.sequence(ResponseOp::SearchReference.tag(), |body| {
            uris.into_iter().for_each(|uri| body.octet_string(tag::OCTET_STRING, uri));
        });
    });
}

/// The end of a search.
pub fn search_done(
    out: &mut Vec<u8>,
    message_id: MessageId,
    code: ResultCode,
    matched_dn: &[u8],
    text: &str,
    controls: &[Control<'_>],
) {
    message(out, message_id, controls, |writer| {
        result(writer, ResponseOp::SearchDone, (code, matched_dn, text), |_| {});
    });
}
