//! A reader over the content of one complete element: takes child after child, never copies, never recurses.
//!
//! It does not know the grammar: the caller names each field and says which tag and range it must have. The offset of
//! every child from the start of the message is kept, so that a fault can be found in a capture.

use core::ops::RangeInclusive;

use crate::error::{Error, ErrorKind};
use crate::header::Header;
use crate::tag;

/// The children of one element that have not been read yet.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

// The bytes may hold a credential: they are never printed.
impl core::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Reader({} bytes at offset {})", self.rest.len(), self.offset)
    }
}

impl<'a> Reader<'a> {
    /// Reads `bytes`, which are complete and start the message.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::at(bytes, 0)
    }

    /// Reads `bytes`, which are complete and start `offset` octets into the message.
    #[inline]
    pub fn at(bytes: &'a [u8], offset: usize) -> Self {
        Self { rest: bytes, offset }
    }

    /// True when every child has been read.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Octets from the start of the message to the next child.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// What has not been read yet, headers included.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The tag of the next child, if there is one.
    #[inline]
    pub fn peek_tag(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// A fault of `field` at the next child.
    #[cold]
    pub fn error(&self, field: &'static str, kind: ErrorKind) -> Error {
        Error::new(field, self.offset, kind)
    }

    /// The tag of the next child and a reader of its content.
    #[inline]
    pub fn read_any_reader(&mut self, field: &'static str) -> Result<(u8, Reader<'a>), Error> {
        // The short form first: nearly every element of a request has it.
        let (tag, header_len, content_len, body) = match *self.rest {
            [tag, length, ref body @ ..] if length < 0x80 && tag & 0x1f != 0x1f => (tag, 2, usize::from(length), body),
            _ => {
                let header = match Header::peek(self.rest) {
                    Ok(Some(header)) => header,
                    Ok(None) => return Err(self.error(field, ErrorKind::Missing)),
                    Err(error) => return Err(self.error(field, error.kind)),
                };
                let body = self.rest.get(header.header_len..).unwrap_or_default();
                (header.tag, header.header_len, header.content_len, body)
            }
        };
        let Some((content, rest)) = body.split_at_checked(content_len) else {
            let kind = ErrorKind::LengthExceedsParent { length: content_len, remaining: body.len() };
            return Err(self.error(field, kind));
        };
        let start = self.offset.wrapping_add(header_len);
        *self = Self { rest, offset: start.wrapping_add(content_len) };
        Ok((tag, Reader { rest: content, offset: start }))
    }

    /// The tag and the content of the next child.
    #[inline]
    pub fn read_any(&mut self, field: &'static str) -> Result<(u8, &'a [u8]), Error> {
        let (tag, content) = self.read_any_reader(field)?;
        Ok((tag, content.rest))
    }

    /// A reader of the content of the next child, which must have this tag.
    #[inline]
    pub fn read_reader(&mut self, field: &'static str, expected: u8) -> Result<Reader<'a>, Error> {
        match self.rest.first() {
            Some(&found) if found == expected => Ok(self.read_any_reader(field)?.1),
            Some(&found) => Err(self.error(field, ErrorKind::UnexpectedTag { expected, found })),
            None => Err(self.error(field, ErrorKind::Missing)),
        }
    }

    /// The content of the next child, which must have this tag.
    #[inline]
    pub fn read(&mut self, field: &'static str, expected: u8) -> Result<&'a [u8], Error> {
        Ok(self.read_reader(field, expected)?.rest)
    }

    /// The content of the next child if it has this tag; nothing is read if it has another, or if there is none.
    #[inline]
    pub fn read_optional(&mut self, field: &'static str, expected: u8) -> Result<Option<&'a [u8]>, Error> {
        if self.peek_tag() == Some(expected) { self.read(field, expected).map(Some) } else { Ok(None) }
    }

    /// An OCTET STRING.
    #[inline]
    pub fn octet_string(&mut self, field: &'static str) -> Result<&'a [u8], Error> {
        self.read(field, tag::OCTET_STRING)
    }

    /// An INTEGER of at most four octets within `range`.
    #[inline]
    pub fn integer(&mut self, field: &'static str, range: RangeInclusive<i64>) -> Result<i64, Error> {
        self.number(field, tag::INTEGER, range)
    }

    /// An ENUMERATED of at most four octets within `range`.
    #[inline]
    pub fn enumerated(&mut self, field: &'static str, range: RangeInclusive<i64>) -> Result<i64, Error> {
        self.number(field, tag::ENUMERATED, range)
    }

    #[inline]
    fn number(&mut self, field: &'static str, tag: u8, range: RangeInclusive<i64>) -> Result<i64, Error> {
        let offset = self.offset;
        let content = self.read(field, tag)?;
        let value = integer_value(field, offset, content)?;
        if range.contains(&value) {
            return Ok(value);
        }
        Err(Error::new(field, offset, ErrorKind::OutOfRange { value, least: *range.start(), most: *range.end() }))
    }

    /// A BOOLEAN: any octet but zero is true (X.690 section 8.2.2).
    #[inline]
    pub fn boolean(&mut self, field: &'static str) -> Result<bool, Error> {
        self.boolean_tagged(field, tag::BOOLEAN)
    }

    /// A BOOLEAN under an implicit tag.
    #[inline]
    pub fn boolean_tagged(&mut self, field: &'static str, tag: u8) -> Result<bool, Error> {
        let offset = self.offset;
        match *self.read(field, tag)? {
            [octet] => Ok(octet != 0),
            ref content => Err(Error::new(field, offset, ErrorKind::BooleanWidth { octets: content.len() })),
        }
    }

    /// Ends the reading: what is left is a fault of `field`, the element that was read.
    #[inline]
    pub fn finish(self, field: &'static str) -> Result<(), Error> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(self.error(field, ErrorKind::TrailingBytes { count })),
        }
    }
}

/// The number in the content of an INTEGER or ENUMERATED that starts at `offset`.
///
/// One to four octets; padding beyond the minimal form is accepted within them, for old encoders write it.
#[inline]
pub fn integer_value(field: &'static str, offset: usize, content: &[u8]) -> Result<i64, Error> {
    let value = match *content {
        [a] => i32::from(i8::from_be_bytes([a])),
        [a, b] => i32::from(i16::from_be_bytes([a, b])),
        // Placed in the upper octets and shifted down, so that the sign is carried along.
        [a, b, c] => i32::from_be_bytes([a, b, c, 0]) >> 8,
        [a, b, c, d] => i32::from_be_bytes([a, b, c, d]),
        _ => {
            return Err(Error::new(field, offset, ErrorKind::IntegerWidth { octets: content.len() }));
        }
    };
    Ok(i64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_children_in_order_and_keeps_offsets() {
        let mut reader = Reader::at(&[0x02, 0x01, 0x05, 0x04, 0x02, b'h', b'i', 0x01, 0x01, 0x7f], 100);
        assert_eq!(reader.integer("number", 0..=10), Ok(5));
        assert_eq!(reader.offset(), 103);
        assert_eq!(reader.read_optional("other", 0x80), Ok(None));
        assert_eq!(reader.octet_string("text"), Ok(&b"hi"[..]));
        assert_eq!(reader.boolean("flag"), Ok(true));
        assert_eq!(reader.finish("all"), Ok(()));
    }

    #[test]
    fn rejects_length_longer_than_parent() {
        let error = Reader::at(&[0x04, 0x05, b'h', b'i'], 7).octet_string("name").unwrap_err();
        assert_eq!(error.to_string(), "name: length 5 exceeds 2 remaining (offset 7)");
    }

    #[test]
    fn rejects_wrong_and_missing_elements() {
        let error = Reader::new(&[0x24, 0x00]).octet_string("name").unwrap_err();
        assert_eq!(error.to_string(), "name: expected tag 0x04, found 0x24 (offset 0)");
        assert_eq!(Reader::new(&[]).octet_string("name").unwrap_err().kind, ErrorKind::Missing);
        assert_eq!(Reader::new(&[0x04]).octet_string("name").unwrap_err().kind, ErrorKind::Missing);
        assert_eq!(Reader::new(&[0x04, 0x82, 0x01]).octet_string("name").unwrap_err().kind, ErrorKind::Missing);
    }

    #[test]
    fn integers_are_signed_and_at_most_four_octets_wide() {
        let value = |content: &[u8]| integer_value("id", 0, content);
        assert_eq!(value(&[0xff]), Ok(-1));
        assert_eq!(value(&[0x00, 0x80]), Ok(128));
        assert_eq!(value(&[0xff, 0x00, 0x00]), Ok(-65_536));
        assert_eq!(value(&[0x7f, 0xff, 0xff]), Ok(8_388_607));
        assert_eq!(value(&[0x7f, 0xff, 0xff, 0xff]), Ok(2_147_483_647));
        assert_eq!(value(&[0, 0, 0, 1]), Ok(1));
        assert_eq!(value(&[]).unwrap_err().kind, ErrorKind::IntegerWidth { octets: 0 });
        assert_eq!(value(&[0, 0, 0, 0, 1]).unwrap_err().kind, ErrorKind::IntegerWidth { octets: 5 });
    }

    #[test]
    fn rejects_numbers_out_of_range_and_trailing_bytes() {
        let error = Reader::new(&[0x02, 0x01, 0xff]).integer("id", 0..=9).unwrap_err();
        assert_eq!(error.to_string(), "id: -1 is not within 0..=9 (offset 0)");
        let error = Reader::at(&[0, 0, 0], 4).finish("all").unwrap_err();
        assert_eq!(error.to_string(), "all: 3 trailing bytes (offset 4)");
        let error = Reader::new(&[0x01, 0x00]).boolean("flag").unwrap_err();
        assert_eq!(error.kind, ErrorKind::BooleanWidth { octets: 0 });
    }

    #[test]
    fn debug_shows_no_bytes() {
        assert_eq!(format!("{:?}", Reader::at(b"secret", 3)), "Reader(6 bytes at offset 3)");
    }
}
