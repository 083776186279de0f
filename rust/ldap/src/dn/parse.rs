//! The reading of a DN's text: RFC 4514's grammar, and the forms of `LDAPv2` (RFC 2253 section 4) that clients send.
//!
//! ```text
//! distinguishedName = [ relativeDistinguishedName *( COMMA relativeDistinguishedName ) ]
//! relativeDistinguishedName = attributeTypeAndValue *( PLUS attributeTypeAndValue )
//! attributeTypeAndValue = attributeType EQUALS attributeValue
//! attributeValue = string / hexstring
//! ```
//!
//! `LDAPv2` adds `;` as a separator, spaces round separators and `=`, `OID.` before an identifier, and quoted values.
//! What stands unescaped against the grammar is refused, Active Directory's `<GUID=...>` among it: a server may read
//! it otherwise.

use ostiary_ber::Header;
use smallvec::SmallVec;

use super::{Ava, DnError, Rdn, Value};
use crate::attribute::AttributeType;
use crate::prepare::prepare;

/// The RDNs that `text` spells, the leftmost first.
pub(super) fn parse(text: &[u8]) -> Result<Vec<Rdn>, DnError> {
    let mut rdns = Vec::new();
    if text.is_empty() {
        return Ok(rdns);
    }
    let mut cursor = Cursor { rest: text, length: text.len() };
    let mut avas = SmallVec::new();
    loop {
        avas.push(cursor.ava()?);
        let next = cursor.next();
        if next == Some(b'+') {
            continue;
        }
        avas.sort_unstable();
        rdns.push(Rdn { avas: core::mem::take(&mut avas) });
        match next {
            None => return Ok(rdns),
            Some(b',' | b';') => {}
            Some(_) => return Err(cursor.expected("separator")),
        }
    }
}

/// What is left of the text.
struct Cursor<'a> {
    rest: &'a [u8],
    length: usize,
}

impl<'a> Cursor<'a> {
    fn offset(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip_spaces(&mut self) {
        self.rest = trim_start(self.rest);
    }

    fn expected(&self, expected: &'static str) -> DnError {
        DnError::Syntax { offset: self.offset(), expected }
    }

    fn ava(&mut self) -> Result<Ava, DnError> {
        self.skip_spaces();
        let offset = self.offset();
        let Some(end) = self.rest.iter().position(|&octet| octet == b'=') else {
            return Err(self.expected("attribute type and ="));
        };
        let (name, value) = self.rest.split_at(end);
        let name = trim_end(name);
        let attribute_type = AttributeType::parse(name).map_err(|error| DnError::Type { offset, error })?;
        self.rest = value;
        self.next();
        self.skip_spaces();
        let value = self.value()?;
        self.skip_spaces();
        Ok(Ava { attribute_type, value })
    }

    fn value(&mut self) -> Result<Value, DnError> {
        let offset = self.offset();
        let octets = match self.peek() {
            Some(b'#') => return self.hex_value(),
            Some(b'"') => self.quoted()?,
            _ => match self.plain_string() {
                Some(octets) => return text_value(offset, octets),
                None => self.string()?,
            },
        };
        text_value(offset, &octets)
    }

    /// A value without quotes in which everything stands for itself, as in nearly all; none, and nothing read, if
    /// something in it does not.
    fn plain_string(&mut self) -> Option<&'a [u8]> {
        let special = |octet: &u8| matches!(octet, b',' | b';' | b'+' | b'\\' | b'"' | b'<' | b'>' | b'\0');
        let end = self.rest.iter().position(special).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at_checked(end)?;
        if !matches!(rest.first(), None | Some(b',' | b';' | b'+')) {
            return None;
        }
        self.rest = rest;
        Some(trim_end(value))
    }

    /// A value without quotes, up to its separator; unescaped spaces at its end belong to the separator.
    fn string(&mut self) -> Result<Vec<u8>, DnError> {
        let mut octets = Vec::new();
        let mut kept = 0;
        loop {
            match self.peek() {
                None | Some(b',' | b';' | b'+') => break,
                Some(b'\\') => {
                    octets.push(self.escape()?);
                    kept = octets.len();
                }
                Some(b'"' | b'<' | b'>' | b'\0') => return Err(self.expected("escape")),
                Some(octet) => {
                    self.next();
                    octets.push(octet);
                    if octet != b' ' {
                        kept = octets.len();
                    }
                }
            }
        }
        octets.truncate(kept);
        Ok(octets)
    }

    /// A value in quotes: everything but quotes and backslashes stands for itself.
    fn quoted(&mut self) -> Result<Vec<u8>, DnError> {
        self.next();
        let mut octets = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.expected("closing quote")),
                Some(b'\\') => octets.push(self.escape()?),
                Some(b'\0') => return Err(self.expected("escape")),
                Some(octet) => {
                    self.next();
                    if octet == b'"' {
                        return Ok(octets);
                    }
                    octets.push(octet);
                }
            }
        }
    }

    /// `pair = ESC ( ESC / special / hexpair )`
    fn escape(&mut self) -> Result<u8, DnError> {
        self.next();
        if let [high, low, ..] = *self.rest
            && let Some(octet) = hex_octet(high, low)
        {
            self.next();
            self.next();
            return Ok(octet);
        }
        match self.peek() {
            Some(special @ (b'\\' | b'"' | b'+' | b',' | b';' | b'<' | b'>' | b' ' | b'#' | b'=')) => {
                self.next();
                Ok(special)
            }
            _ => Err(self.expected("special character or two hex digits")),
        }
    }

    /// `hexstring = SHARP 1*hexpair`: the BER encoding of the value.
    fn hex_value(&mut self) -> Result<Value, DnError> {
        let offset = self.offset();
        self.next();
        let mut octets = Vec::new();
        while let [high, low, ..] = *self.rest {
            let Some(octet) = hex_octet(high, low) else {
                break;
            };
            octets.push(octet);
            self.next();
            self.next();
        }
        let not_ber = DnError::Syntax { offset, expected: "ber encoding" };
        let Ok(Some(header)) = Header::peek(&octets) else {
            return Err(not_ber);
        };
        let content = octets.get(header.header_len..).unwrap_or_default();
        if header.content_len != content.len() {
            return Err(not_ber);
        }
        match header.tag {
            // UTF8String, NumericString, PrintableString, IA5String, VisibleString.
            0x0c | 0x12 | 0x13 | 0x16 | 0x1a => text_value(offset, content),
            // An OCTET STRING is text if it can be read so: some encoders wrap every value in one.
            0x04 if core::str::from_utf8(content).is_ok() => text_value(offset, content),
            // BMPString.
            0x1e => {
                let units = content.as_chunks::<2>();
                let text: Option<String> =
                    char::decode_utf16(units.0.iter().map(|unit| u16::from_be_bytes(*unit))).map(Result::ok).collect();
                match text {
                    Some(text) if units.1.is_empty() => text_value(offset, text.as_bytes()),
                    _ => Err(not_ber),
                }
            }
            // UniversalString.
            0x1c => {
                let units = content.as_chunks::<4>();
                let text: Option<String> =
                    units.0.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect();
                match text {
                    Some(text) if units.1.is_empty() => text_value(offset, text.as_bytes()),
                    _ => Err(not_ber),
                }
            }
            tag => Ok(Value::Element(tag, content.into())),
        }
    }
}

fn text_value(offset: usize, octets: &[u8]) -> Result<Value, DnError> {
    let text = core::str::from_utf8(octets).map_err(|_| DnError::NotUtf8 { offset })?;
    let prepared = prepare(text).map_err(|error| DnError::Value { offset, error })?;
    Ok(Value::Text(prepared.into()))
}

/// The octet that two hex digits stand for.
pub(crate) fn hex_octet(high: u8, low: u8) -> Option<u8> {
    let digit = |octet: u8| char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some((digit(high)? << 4) | digit(low)?)
}

/// `text` without the spaces at its start.
fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

/// `text` without the spaces at its end.
fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., b' '] = text {
        text = rest;
    }
    text
}
