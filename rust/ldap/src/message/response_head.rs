//! The head of a response: what it is and whom it answers, from its first few octets.
//!
//! The body is not walked and may not even have arrived: responses are framed, matched to their request and passed
//! on, and large results must cost no more than that. Bodies that matter are read by [`crate::result`].

use ostiary_ber::{Error, ErrorKind, Header, integer_value, tag};

use super::{MessageId, RequestKind, ResponseOp};

/// Length, messageID and operation of one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// How many bytes the whole message has.
    pub length: usize,
    /// The request that it answers; 0 for an unsolicited notification.
    pub message_id: MessageId,
    /// What it is.
    pub operation: ResponseOp,
    /// Where the content of protocolOp starts in the message.
    pub body_offset: usize,
    /// How many bytes the content of protocolOp has; what follows it are controls.
    pub body_len: usize,
}

impl ResponseHead {
    /// The head of the response at the start of `bytes`, or `None` while it has not all arrived.
    #[inline]
    pub fn peek(bytes: &[u8]) -> Result<Option<Self>, Error> {
        match Self::peek_short(bytes) {
            Some(head) => Ok(Some(head)),
            None => Self::peek_any(bytes),
        }
    }

    /// The head in its two commonest shapes, small messages with minimal lengths; `None` for all others, faults too.
    #[inline]
    fn peek_short(bytes: &[u8]) -> Option<Self> {
        let (message_id, operation_offset, tag, body_len) = match *bytes {
            [0x30, _, 0x02, 1, id, tag, len, ..] => (MessageId::from(id), 5, tag, len),
            [0x30, _, 0x02, 2, high, low, tag, len, ..] => {
                (MessageId::from(u16::from_be_bytes([high, low])), 6, tag, len)
            }
            [0x30, _, 0x02, 3, high, middle, low, tag, len, ..] => {
                (MessageId::from_be_bytes([0, high, middle, low]), 7, tag, len)
            }
            _ => return None,
        };
        let (&length, &first) = (bytes.get(1)?, bytes.get(4)?);
        let body_offset = u16::wrapping_add(operation_offset, 2);
        let fits = u16::from(length).wrapping_add(2) >= body_offset.wrapping_add(body_len.into());
        if length >= 0x80 || body_len >= 0x80 || first >= 0x80 || !fits {
            return None;
        }
        Some(Self {
            length: usize::from(length).wrapping_add(2),
            message_id,
            operation: ResponseOp::from_tag(tag)?,
            body_offset: usize::from(body_offset),
            body_len: usize::from(body_len),
        })
    }

    /// The head in any shape, read element by element.
    fn peek_any(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let Some(outer) = element("LDAPMessage", bytes, 0, usize::MAX)? else {
            return Ok(None);
        };
        if outer.tag != tag::SEQUENCE {
            return Err(unexpected("LDAPMessage", 0, tag::SEQUENCE, outer.tag));
        }
        let length = outer.total_len();

        let id_offset = outer.header_len;
        let Some(id) = element("messageID", bytes, id_offset, length)? else {
            return Ok(None);
        };
        if id.tag != tag::INTEGER {
            return Err(unexpected("messageID", id_offset, tag::INTEGER, id.tag));
        }
        let id_start = id_offset.wrapping_add(id.header_len);
        let operation_offset = id_start.wrapping_add(id.content_len);
        if id.content_len > 4 {
            let kind = ErrorKind::IntegerWidth { octets: id.content_len };
            return Err(Error::new("messageID", id_offset, kind));
        }
        let Some(id_content) = bytes.get(id_start..operation_offset) else {
            return Ok(None);
        };
        let value = integer_value("messageID", id_offset, id_content)?;
        let Ok(message_id) = MessageId::try_from(value) else {
            let kind = ErrorKind::OutOfRange { value, least: 0, most: i64::from(i32::MAX) };
            return Err(Error::new("messageID", id_offset, kind));
        };

        let Some(body) = element("protocolOp", bytes, operation_offset, length)? else {
            return Ok(None);
        };
        let Some(operation) = ResponseOp::from_tag(body.tag) else {
            let kind = match RequestKind::from_tag(body.tag) {
                Some(_) => ErrorKind::ForbiddenChoice { tag: body.tag },
                None => ErrorKind::UnknownChoice { tag: body.tag },
            };
            return Err(Error::new("protocolOp", operation_offset, kind));
        };
        Ok(Some(Self {
            length,
            message_id,
            operation,
            body_offset: operation_offset.wrapping_add(body.header_len),
            body_len: body.content_len,
        }))
    }

    /// The content of protocolOp in `message`, the bytes whose head this is; empty while they are not complete.
    #[inline]
    pub fn body<'a>(&self, message: &'a [u8]) -> &'a [u8] {
        let end = self.body_offset.saturating_add(self.body_len);
        message.get(self.body_offset..end).unwrap_or_default()
    }
}

/// The header of the element at `offset` of a message that ends at `end`; `None` while it has not all arrived.
#[inline]
fn element(field: &'static str, bytes: &[u8], offset: usize, end: usize) -> Result<Option<Header>, Error> {
    let available = bytes.get(offset..).unwrap_or_default();
    let remaining = end.saturating_sub(offset);
    let visible = available.get(..remaining).unwrap_or(available);
    match Header::peek(visible) {
        Ok(Some(header)) if header.total_len() <= remaining => Ok(Some(header)),
        Ok(Some(header)) => {
            let kind = ErrorKind::LengthExceedsParent {
                length: header.content_len,
                remaining: remaining.saturating_sub(header.header_len),
            };
            Err(Error::new(field, offset, kind))
        }
        // Only when the parent itself ends here is the rest of the header missing; else it is still on its way.
        Ok(None) if visible.len() == remaining => Err(Error::new(field, offset, ErrorKind::Missing)),
        Ok(None) => Ok(None),
        Err(error) => Err(Error { field, offset, kind: error.kind }),
    }
}

#[cold]
fn unexpected(field: &'static str, offset: usize, expected: u8, found: u8) -> Error {
    Error::new(field, offset, ErrorKind::UnexpectedTag { expected, found })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: [u8; 14] = [0x30, 12, 2, 2, 1, 0, 0x64, 6, 4, 2, b'c', b'n', 0x30, 0];

    #[test]
    fn the_head_of_an_entry_is_known_before_its_body() {
        for cut in 0..8 {
            assert_eq!(ResponseHead::peek(&ENTRY[..cut]), Ok(None), "{cut}");
        }
        for cut in 8..=ENTRY.len() {
            let head = ResponseHead::peek(&ENTRY[..cut]).unwrap().unwrap();
            assert_eq!((head.length, head.message_id), (14, 256));
            assert_eq!(head.operation, ResponseOp::SearchEntry);
            assert_eq!((head.body_offset, head.body_len), (8, 6));
        }
        assert_eq!(ResponseHead::peek(&ENTRY).unwrap().unwrap().body(&ENTRY), &ENTRY[8..]);
    }

    #[test]
    fn rejects_children_that_do_not_fit_as_soon_as_they_are_seen() {
        let text = |bytes: &[u8]| ResponseHead::peek(bytes).unwrap_err().to_string();
        assert_eq!(text(&[0x30, 3, 2, 1, 1]), "protocolOp: missing (offset 5)");
        assert_eq!(text(&[0x30, 0]), "messageID: missing (offset 2)");
        assert_eq!(text(&[0x30, 5, 2, 1, 1, 0x65, 9]), "protocolOp: length 9 exceeds 0 remaining (offset 5)");
    }
    #[test]
    fn the_short_cut_gives_what_reading_element_by_element_gives() {
        for tag in [0x64, 0x65, 0x63, 0x30] {
            for id in [&[1, 0][..], &[1, 0x7f], &[1, 0x80], &[2, 1, 0], &[2, 0xff, 0], &[3, 1, 2, 3]] {
                for (length, body) in [(0, 0), (12, 4), (12, 5), (12, 9), (0x7f, 0x70), (0x7f, 0x80)] {
                    let mut bytes = vec![0x30, length, 2];
                    bytes.extend_from_slice(id);
                    bytes.extend_from_slice(&[tag, body]);
                    bytes.resize(140, 0);
                    let any = ResponseHead::peek_any(&bytes);
                    assert_eq!(ResponseHead::peek(&bytes), any, "{:02x?}", &bytes[..12]);
                    let short = ResponseHead::peek_short(&bytes);
                    assert!(short.is_none() || Ok(short) == any);
                }
            }
        }
    }
}
