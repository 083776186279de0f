//! A message with another body: what its lengths need is written anew, in the form in which they came where it fits.
//!
//! Cutting keeps every header's size; rewriting does not, so this is for the few messages that name hosts.

use ostiary_ber::{Error, ErrorKind, Header, Reader};

/// A message, taken apart.
pub(super) struct Envelope<'a> {
    outer: &'a [u8],
    message_id: &'a [u8],
    operation: &'a [u8],
    /// The content of protocolOp.
    pub(super) body: Reader<'a>,
    controls: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn read(message: &'a [u8]) -> Result<Self, Error> {
        let (outer, mut envelope) = element("LDAPMessage", &mut Reader::new(message))?;
        let message_id = raw("messageID", &mut envelope)?;
        let (operation, body) = element("protocolOp", &mut envelope)?;
        Ok(Self { outer, message_id, operation, body, controls: envelope.rest() })
    }

    /// Appends the message with this body.
    pub(super) fn write(&self, body: &[u8], out: &mut Vec<u8>) {
        let mut content = self.message_id.to_vec();
        write_like(self.operation, body, &mut content);
        content.extend_from_slice(self.controls);
        write_like(self.outer, &content, out);
    }
}

/// The header of the next element, and a reader of its content.
pub(super) fn element<'a>(field: &'static str, reader: &mut Reader<'a>) -> Result<(&'a [u8], Reader<'a>), Error> {
    let missing = reader.error(field, ErrorKind::Missing);
    let before = reader.rest();
    let (_, content) = reader.read_any_reader(field)?;
    let header = Header::peek(before)?.and_then(|header| before.get(..header.header_len)).ok_or(missing)?;
    Ok((header, content))
}

/// The bytes of the next element.
pub(super) fn raw<'a>(field: &'static str, reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let before = reader.rest();
    reader.read_any(field)?;
    Ok(before.get(..before.len().saturating_sub(reader.rest().len())).unwrap_or_default())
}

/// Appends an element with this content, its tag and the form of its length as `header` has them.
pub(super) fn write_like(header: &[u8], content: &[u8], out: &mut Vec<u8>) {
    out.extend(header.first());
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes();
    let needed = length.iter().skip_while(|octet| **octet == 0).count();
    let had = header.len().saturating_sub(2);
    match length {
        [0, 0, 0, short] if had == 0 && short < 0x80 => out.push(short),
        _ => {
            let octets = needed.max(had).clamp(1, 4);
            out.push(0x80 | u8::try_from(octets).unwrap_or(4));
            out.extend_from_slice(length.get(4_usize.saturating_sub(octets)..).unwrap_or_default());
        }
    }
    out.extend_from_slice(content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_keep_their_form_and_grow_where_they_must() {
        for (header, length, expected) in [
            (&[0x30, 0][..], 0x7f, &[0x30, 0x7f][..]),
            (&[0x30, 0], 0x80, &[0x30, 0x81, 0x80]),
            (&[0x30, 0], 0x100, &[0x30, 0x82, 1, 0]),
            (&[0x30, 0x81, 0], 3, &[0x30, 0x81, 3]),
            (&[0x30, 0x84, 0, 0, 0, 0], 3, &[0x30, 0x84, 0, 0, 0, 3]),
            (&[0x30, 0x82, 0, 0], 0x1_0000, &[0x30, 0x83, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            write_like(header, &vec![0; length], &mut out);
            assert_eq!(out[..out.len() - length], *expected);
        }
    }
}
