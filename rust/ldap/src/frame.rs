//! Framing: where one `LDAPMessage` ends in a stream of bytes.
//!
//! Only the header of the outer SEQUENCE is read, so the cost does not depend on how much has arrived or how it was
//! split; the caller remembers the length and comes back when it is there. Whether a message of that length is
//! acceptable is the caller's to say.

use ostiary_ber::{Error, ErrorKind, Header, tag};

/// The extent of the message that starts a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// How many bytes the whole message has, its header included.
    pub length: usize,
    /// How many of them are the header of the outer SEQUENCE.
    pub header_len: usize,
}

impl Frame {
    /// The message at the start of `bytes`, or `None` while its header has not all arrived.
    #[inline]
    pub fn peek(bytes: &[u8]) -> Result<Option<Self>, Error> {
        match bytes.first() {
            Some(&tag::SEQUENCE) => {}
            Some(&found) => {
                let kind = ErrorKind::UnexpectedTag { expected: tag::SEQUENCE, found };
                return Err(Error::new("LDAPMessage", 0, kind));
            }
            None => return Ok(None),
        }
        match Header::peek(bytes) {
            Ok(Some(header)) => Ok(Some(Self { length: header.total_len(), header_len: header.header_len })),
            Ok(None) => Ok(None),
            Err(error) => Err(Error { field: "LDAPMessage", ..error }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_known_once_its_header_is_there() {
        let message = [0x30, 0x84, 0x00, 0x00, 0x01, 0x00, 0x02];
        for cut in 0..6 {
            assert_eq!(Frame::peek(&message[..cut]), Ok(None));
        }
        assert_eq!(Frame::peek(&message), Ok(Some(Frame { length: 262, header_len: 6 })));
    }

    #[test]
    fn rejects_anything_but_a_definite_sequence_at_its_first_bad_octet() {
        let text = |bytes: &[u8]| Frame::peek(bytes).unwrap_err().to_string();
        assert_eq!(text(b"GET /"), "LDAPMessage: expected tag 0x30, found 0x47 (offset 0)");
        assert_eq!(text(&[0x30, 0x80]), "LDAPMessage: indefinite length (offset 0)");
    }
}
