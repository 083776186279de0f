//! The controls of a response, walked for entries in them: pre-read and post-read show attributes like a search does.
//!
//! Other response controls pass: sort and paging results, password policy, the state of a synchronisation, entry
//! change notifications. Those that would carry attributes of other entries are refused in the request.

use ostiary_ber::{Error, ErrorKind, Reader, tag};
use ostiary_ldap::message::ResponseOp;
use ostiary_ldap::oid::{POST_READ_OID, PRE_READ_OID};

use super::entry::{self, Left};
use super::secrets::Secrets;
use super::slices::Slices;
use crate::controls::is_oid;

const CONTROLS_TAG: u8 = 0xa0;

/// Marks what is hidden in the controls that `envelope` has next; gives how many octets they lose.
pub(super) fn walk(secrets: &Secrets, envelope: &mut Reader<'_>, slices: &mut Slices) -> Result<usize, Error> {
    if envelope.peek_tag() != Some(CONTROLS_TAG) {
        return Ok(0);
    }
    let controls_start = envelope.offset();
    let mut controls = envelope.read_reader("controls", CONTROLS_TAG)?;
    let mut removed = 0_usize;
    while !controls.is_empty() {
        let start = controls.offset();
        let mut control = controls.read_reader("controls.control", tag::SEQUENCE)?;
        let control_type = control.octet_string("controls.control.controlType")?;
        control.read_optional("controls.control.criticality", tag::BOOLEAN)?;
        let shows_entry = is_oid(control_type, PRE_READ_OID) || is_oid(control_type, POST_READ_OID);
        if !shows_entry || control.is_empty() {
            continue;
        }
        let octets = match walk_value(secrets, &mut control, slices)? {
            Left::AllBut(octets) => {
                slices.shorten(start, octets);
                octets
            }
            Left::Nothing(rule) => {
                slices.cut(start..controls.offset(), rule);
                controls.offset().saturating_sub(start)
            }
        };
        removed = removed.saturating_add(octets);
    }
    slices.shorten(controls_start, removed);
    Ok(removed)
}

/// `controlValue ::= OCTET STRING -- the encoding of a SearchResultEntry`; `OpenLDAP` tags it as a plain SEQUENCE.
fn walk_value(secrets: &Secrets, control: &mut Reader<'_>, slices: &mut Slices) -> Result<Left, Error> {
    let value_start = control.offset();
    let mut value = control.read_reader("controls.control.controlValue", tag::OCTET_STRING)?;
    let entry_start = value.offset();
    let (found, body) = value.read_any_reader("controls.control.controlValue.entry")?;
    let expected = ResponseOp::SearchEntry.tag();
    if found != expected && found != tag::SEQUENCE {
        let kind = ErrorKind::UnexpectedTag { expected, found };
        return Err(Error::new("controls.control.controlValue.entry", entry_start, kind));
    }
    value.finish("controls.control.controlValue")?;
    let left = entry::walk(secrets, body, slices)?;
    if let Left::AllBut(octets) = left {
        slices.shorten(entry_start, octets);
        slices.shorten(value_start, octets);
    }
    Ok(left)
}
