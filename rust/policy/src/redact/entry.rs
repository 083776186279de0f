//! One entry, walked for what is hidden: whole attributes are marked to be cut, values are not looked into.
//!
//! The same entry lies in a `SearchResultEntry` and in the response controls of pre-read and post-read (RFC 4527).
//! The DN stays as it is: what a hidden attribute says there is shown to all who may see the entry at all.

use ostiary_ber::{Error, Reader, tag};

use super::secrets::Secrets;
use super::slices::Slices;

/// What is left of an entry.
pub(super) enum Left {
    /// All but this many octets.
    AllBut(usize),
    /// Nothing: the entry itself is hidden, by this rule.
    Nothing(u16),
}

/// Marks in `slices` what is hidden of the entry whose content `body` reads.
pub(super) fn walk(secrets: &Secrets, mut body: Reader<'_>, slices: &mut Slices) -> Result<Left, Error> {
    let name = body.octet_string("searchResEntry.objectName")?;
    if let Some(rule) = secrets.hides_name(name) {
        return Ok(Left::Nothing(rule));
    }
    let list_start = body.offset();
    let mut list = body.read_reader("searchResEntry.attributes", tag::SEQUENCE)?;
    body.finish("searchResEntry")?;
    if !secrets.has_attributes() {
        return Ok(Left::AllBut(0));
    }
    let mut removed = 0_usize;
    while !list.is_empty() {
        let start = list.offset();
        let mut attribute = list.read_reader("searchResEntry.attributes.attribute", tag::SEQUENCE)?;
        let description = attribute.octet_string("searchResEntry.attributes.attribute.type")?;
        if let Some(rule) = secrets.cuts(description) {
            let end = list.offset();
            removed = removed.saturating_add(end.saturating_sub(start));
            slices.cut(start..end, rule);
        }
    }
    slices.shorten(list_start, removed);
    Ok(Left::AllBut(removed))
}
