//! The header of one element: its tag and length octets, read from bytes that may still be arriving.
//!
//! It knows nothing of the content. The declared length is a number here and nothing more: no memory follows from it.

use crate::error::{Error, ErrorKind};

/// The low five bits of a tag octet that announce further tag octets (X.690 section 8.1.2.4).
const HIGH_TAG_NUMBER: u8 = 0x1f;

/// The tag and the length of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The one tag octet: class, constructed bit and number.
    pub tag: u8,
    /// How many octets the header itself has: 2 to 6.
    pub header_len: usize,
    /// How many octets the content is declared to have.
    pub content_len: usize,
}

impl Header {
    /// The header at the start of `bytes`, or `None` while its octets have not all arrived.
    ///
    /// Lengths need not be minimal: Active Directory writes every length as 0x84 and four octets.
    #[inline]
    pub fn peek(bytes: &[u8]) -> Result<Option<Self>, Error> {
        match *bytes {
            [tag, ..] if tag & HIGH_TAG_NUMBER == HIGH_TAG_NUMBER => {
                Err(Error::new("element", 0, ErrorKind::HighTagNumber))
            }
            [tag, length, ..] if length < 0x80 => {
                Ok(Some(Self { tag, header_len: 2, content_len: usize::from(length) }))
            }
            [tag, form, ref rest @ ..] => Self::peek_long(tag, form, rest),
            [] | [_] => Ok(None),
        }
    }

    /// The long form: `form` says how many of `rest` are length octets.
    #[inline]
    fn peek_long(tag: u8, form: u8, rest: &[u8]) -> Result<Option<Self>, Error> {
        let long = |header_len, length: u32| {
            // A length above the address space can be no child's and no message's: it saturates and is refused.
            let content_len = usize::try_from(length).unwrap_or(usize::MAX);
            Ok(Some(Self { tag, header_len, content_len }))
        };
        match (form, rest) {
            (0x80, _) => Err(Error::new("element", 0, ErrorKind::IndefiniteLength)),
            (0x81, &[a, ..]) => long(3, u32::from(a)),
            (0x82, &[a, b, ..]) => long(4, u32::from_be_bytes([0, 0, a, b])),
            (0x83, &[a, b, c, ..]) => long(5, u32::from_be_bytes([0, a, b, c])),
            (0x84, &[a, b, c, d, ..]) => long(6, u32::from_be_bytes([a, b, c, d])),
            (0x81..=0x84, _) => Ok(None),
            _ => Err(Error::new("element", 0, ErrorKind::LengthTooWide { octets: form & 0x7f })),
        }
    }

    /// How many octets header and content have together.
    #[inline]
    pub fn total_len(&self) -> usize {
        self.header_len.saturating_add(self.content_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_short_and_long_lengths() {
        for (bytes, header_len, content_len) in [
            (&[0x30, 0x05][..], 2, 5),
            (&[0x30, 0x81, 0x05], 3, 5),
            (&[0x30, 0x82, 0x01, 0x00], 4, 256),
            (&[0x30, 0x83, 0x01, 0x00, 0x00], 5, 65_536),
            (&[0x30, 0x84, 0x00, 0x00, 0x00, 0x07], 6, 7),
        ] {
            let header = Header::peek(bytes).unwrap().unwrap();
            assert_eq!((header.header_len, header.content_len), (header_len, content_len));
            assert_eq!(header.total_len(), header_len + content_len);
            for cut in 0..bytes.len() {
                assert_eq!(Header::peek(&bytes[..cut]), Ok(None));
            }
        }
    }

    #[test]
    fn rejects_indefinite_and_overwide_lengths_and_high_tags() {
        let kind = |bytes: &[u8]| Header::peek(bytes).unwrap_err().kind;
        assert_eq!(kind(&[0x30, 0x80]), ErrorKind::IndefiniteLength);
        assert_eq!(kind(&[0x30, 0x85]), ErrorKind::LengthTooWide { octets: 5 });
        assert_eq!(kind(&[0x30, 0xff]), ErrorKind::LengthTooWide { octets: 127 });
        assert_eq!(kind(&[0x1f]), ErrorKind::HighTagNumber);
        assert_eq!(kind(&[0xbf, 0x20]), ErrorKind::HighTagNumber);
    }
}
