//! The bodies of the responses that are no results: entries, references and intermediate responses.
//!
//! They are read only when somebody observes them, and as leniently as results are ([`crate::result`]). Values are
//! not printed.
//!
//! ```text
//! SearchResultEntry ::= [APPLICATION 4] SEQUENCE {
//!      objectName      LDAPDN,
//!      attributes      PartialAttributeList }
//! SearchResultReference ::= [APPLICATION 19] SEQUENCE SIZE (1..MAX) OF uri URI
//! IntermediateResponse ::= [APPLICATION 25] SEQUENCE {
//!      responseName     [0] LDAPOID OPTIONAL,
//!      responseValue    [1] OCTET STRING OPTIONAL }
//! ```

use core::fmt;

use ostiary_ber::{Error, ErrorKind, Reader, tag};

use super::control::Controls;
use super::list::{Attributes, OctetStrings};
use super::{CONTROLS_TAG, ResponseHead, ResponseOp};

impl ResponseHead {
    /// The controls behind the body in `message`, the bytes whose head this is; it ends where one is malformed.
    pub fn controls<'a>(&self, message: &'a [u8]) -> Controls<'a> {
        let start = self.body_offset.saturating_add(self.body_len);
        let rest = message.get(start..self.length).unwrap_or_default();
        let mut reader = Reader::at(rest, start);
        reader.read_reader("controls", CONTROLS_TAG).map_or_else(|_| Controls::none(), Controls::trust)
    }

    /// A reader of the body of `message`, which must be complete and this response.
    pub(crate) fn read_body(message: &[u8], expected: Option<ResponseOp>) -> Result<Reader<'_>, Error> {
        let missing = |offset| Error::new("LDAPMessage", offset, ErrorKind::Missing);
        let head = Self::peek(message)?.ok_or_else(|| missing(message.len()))?;
        let end = head.body_offset.saturating_add(head.body_len);
        let body = message.get(head.body_offset..end).ok_or_else(|| missing(head.body_offset))?;
        match expected {
            Some(expected) if expected != head.operation => {
                let found = head.operation.tag();
                let kind = ErrorKind::UnexpectedTag { expected: expected.tag(), found };
                Err(Error::new("protocolOp", head.body_offset, kind))
            }
            _ => Ok(Reader::at(body, head.body_offset)),
        }
    }
}

/// An entry that a search found.
#[derive(Clone, Copy)]
pub struct SearchResultEntry<'a> {
    /// Its DN.
    pub object_name: &'a [u8],
    /// Its attributes, read one by one.
    pub attributes: Attributes<'a>,
}

impl<'a> SearchResultEntry<'a> {
    /// The entry in a complete message.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let mut body = ResponseHead::read_body(message, Some(ResponseOp::SearchEntry))?;
        let object_name = body.octet_string("searchResEntry.objectName")?;
        let attributes = body.read_reader("searchResEntry.attributes", tag::SEQUENCE)?;
        Ok(Self { object_name, attributes: Attributes::trust(attributes) })
    }
}

impl fmt::Debug for SearchResultEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SearchResultEntry")
            .field("object_name", &String::from_utf8_lossy(self.object_name))
            .field("attributes", &self.attributes)
            .finish()
    }
}

/// Where a search may be continued.
#[derive(Debug, Clone, Copy)]
pub struct SearchResultReference<'a> {
    /// The URIs, any one of which will do.
    pub uris: OctetStrings<'a>,
}

impl<'a> SearchResultReference<'a> {
    /// The reference in a complete message.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let body = ResponseHead::read_body(message, Some(ResponseOp::SearchReference))?;
        Ok(Self { uris: OctetStrings::trust(body) })
    }
}

/// Something a server tells before the result.
#[derive(Clone, Copy)]
pub struct IntermediateResponse<'a> {
    /// The object identifier.
    pub name: Option<&'a [u8]>,
    /// The value, in the encoding that the operation or control defines.
    pub value: Option<&'a [u8]>,
}

impl<'a> IntermediateResponse<'a> {
    /// The intermediate response in a complete message.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let mut body = ResponseHead::read_body(message, Some(ResponseOp::Intermediate))?;
        let name = body.read_optional("intermediateResponse.responseName", 0x80)?;
        let value = body.read_optional("intermediateResponse.responseValue", 0x81)?;
        Ok(Self { name, value })
    }
}

impl fmt::Debug for IntermediateResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntermediateResponse")
            .field("name", &self.name.map(String::from_utf8_lossy))
            .field("value", &self.value.map(|_| "<redacted>"))
            .finish()
    }
}
