//! Builders of the messages that the gateway, its demo directory and the tests send, appended to a `Vec<u8>`.
//!
//! They write definite, minimal lengths and no more than they are told; whether a message fits the state of a
//! session is the caller's to know. Texts are written as they come: what an outsider may read is decided above.

mod request;
mod response;

use ostiary_ber::{Writer, tag};

use crate::message::{CONTROLS_TAG, Control, MessageId};

pub use request::{NewChange, NewSearch};
pub use request::{
    abandon_request, add_request, anonymous_bind_request, bind_request, compare_request, delete_request,
    extended_request, modify_dn_request, modify_request, sasl_bind_request, search_request, start_tls_request,
    unbind_request,
};
pub use response::{
    bind_response, extended_response, intermediate, notice_of_disconnection, refusal, result_response, search_done,
    search_entry, search_reference, start_tls_response,
};

/// One message: its number, what `operation` writes, and the controls if there are any.
pub fn message(
    out: &mut Vec<u8>,
    message_id: MessageId,
    controls: &[Control<'_>],
    operation: impl FnOnce(&mut Writer<'_>),
) {
    Writer::append(out, |writer| {
        writer.sequence(tag::SEQUENCE, |message| {
            message.integer(i64::from(message_id));
            operation(message);
            if !controls.is_empty() {
                message.sequence(CONTROLS_TAG, |list| {
                    for control in controls {
                        write_control(list, control);
                    }
                });
            }
        });
    });
}

fn write_control(list: &mut Writer<'_>, control: &Control<'_>) {
    list.sequence(tag::SEQUENCE, |writer| {
        writer.octet_string(tag::OCTET_STRING, control.control_type);
        // A default value is not written (RFC 4511 section 5.1).
        if control.criticality {
            writer.boolean(true);
        }
        if let Some(value) = control.value {
            writer.octet_string(tag::OCTET_STRING, value);
        }
    });
}

/// An attribute description and its values.
fn write_attribute<'v>(list: &mut Writer<'_>, description: &[u8], values: impl IntoIterator<Item = &'v [u8]>) {
    list.sequence(tag::SEQUENCE, |writer| {
        writer.octet_string(tag::OCTET_STRING, description);
        writer.sequence(tag::SET, |set| {
            values.into_iter().for_each(|value| set.octet_string(tag::OCTET_STRING, value));
        });
    });
}
