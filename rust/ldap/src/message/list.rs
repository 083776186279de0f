//! Lists inside requests and responses: strings, attributes and changes, read one by one when somebody asks.
//!
//! A view is made only over content that has been checked, or that came from a trusted server; where an element is
//! not what the grammar has, the iteration ends. What the values mean is not known here, and they are not printed.
//!
//! ```text
//! PartialAttribute ::= SEQUENCE {
//!      type       AttributeDescription,
//!      vals       SET OF value AttributeValue }
//! Attribute ::= PartialAttribute(WITH COMPONENTS { ..., vals (SIZE(1..MAX))})
//! changes         SEQUENCE OF change SEQUENCE {
//!      operation       ENUMERATED { add (0), delete (1), replace (2), ... },
//!      modification    PartialAttribute }
//! ```

use core::fmt;

use ostiary_ber::{Error, ErrorKind, Reader, integer_value, tag};

/// OCTET STRINGs one after another: attribute selectors, values, URIs.
#[derive(Clone, Copy)]
pub struct OctetStrings<'a> {
    reader: Reader<'a>,
}

impl<'a> OctetStrings<'a> {
    /// A view of `reader`'s children after every one has been checked.
    #[inline]
    pub(crate) fn check(field: &'static str, reader: Reader<'a>) -> Result<Self, Error> {
        let mut rest = reader;
        while !rest.is_empty() {
            rest.octet_string(field)?;
        }
        Ok(Self { reader })
    }

    /// A view of `reader`'s children, unchecked.
    pub(crate) fn trust(reader: Reader<'a>) -> Self {
        Self { reader }
    }

    /// True if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    /// Their encoding, one after another.
    #[inline]
    pub fn encoded(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

impl<'a> Iterator for OctetStrings<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.reader.octet_string("value").ok()
    }
}

impl fmt::Debug for OctetStrings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A name and its values.
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a> {
    /// The attribute description as sent.
    pub description: &'a [u8],
    /// The values, which may be none in a modify request and in a result with types only.
    pub values: OctetStrings<'a>,
}

impl<'a> Attribute<'a> {
    /// The attribute that `outer` has next, checked; `least` is how many values it must have.
    #[inline]
    pub(crate) fn check(field: Fields, outer: &mut Reader<'a>, least: usize) -> Result<Self, Error> {
        let mut reader = outer.read_reader(field.attribute, tag::SEQUENCE)?;
        let description = attribute_description(field.description, &mut reader)?;
        let offset = reader.offset();
        let values = OctetStrings::check(field.values, reader.read_reader(field.values, tag::SET)?)?;
        if least > 0 && values.is_empty() {
            return Err(Error::new(field.values, offset, ErrorKind::Invalid("no value")));
        }
        reader.finish(field.attribute)?;
        Ok(Self { description, values })
    }

    fn trust(outer: &mut Reader<'a>) -> Option<Self> {
        let mut reader = outer.read_reader("attribute", tag::SEQUENCE).ok()?;
        let description = reader.octet_string("type").ok()?;
        let values = OctetStrings::trust(reader.read_reader("vals", tag::SET).ok()?);
        Some(Self { description, values })
    }
}

/// The names under which faults of an attribute are reported.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    pub attribute: &'static str,
    pub description: &'static str,
    pub values: &'static str,
}

/// An attribute description that names something; which characters it may have is left to the server.
#[inline]
pub(crate) fn attribute_description<'a>(field: &'static str, reader: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let offset = reader.offset();
    match reader.octet_string(field)? {
        [] => Err(Error::new(field, offset, ErrorKind::Invalid("empty attribute description"))),
        description => Ok(description),
    }
}

/// Attributes one after another, of an add request or an entry.
#[derive(Clone, Copy)]
pub struct Attributes<'a> {
    reader: Reader<'a>,
}

impl<'a> Attributes<'a> {
    pub(crate) fn check(field: Fields, reader: Reader<'a>) -> Result<Self, Error> {
        let mut rest = reader;
        while !rest.is_empty() {
            Attribute::check(field, &mut rest, 1)?;
        }
        Ok(Self { reader })
    }

    pub(crate) fn trust(reader: Reader<'a>) -> Self {
        Self { reader }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        Attribute::trust(&mut self.reader)
    }
}

impl fmt::Debug for Attributes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// What a modify request does to an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// Adds values.
    Add,
    /// Deletes values, or the attribute if none is listed.
    Delete,
    /// Puts the listed values in the place of all there are.
    Replace,
    /// Adds a number to the values (RFC 4525).
    Increment,
}

impl ChangeKind {
    fn from_number(number: i64) -> Option<Self> {
        Some(match number {
            0 => Self::Add,
            1 => Self::Delete,
            2 => Self::Replace,
            3 => Self::Increment,
            _ => return None,
        })
    }

    /// The number of the ENUMERATED.
    pub fn number(self) -> i64 {
        match self {
            Self::Add => 0,
            Self::Delete => 1,
            Self::Replace => 2,
            Self::Increment => 3,
        }
    }
}

/// One change of a modify request.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// What is done.
    pub operation: ChangeKind,
    /// To which attribute, with which values.
    pub modification: Attribute<'a>,
}

/// The changes of a modify request, in their order.
#[derive(Clone, Copy)]
pub struct Changes<'a> {
    reader: Reader<'a>,
}

const CHANGE_FIELDS: Fields = Fields {
    attribute: "modifyRequest.changes.modification",
    description: "modifyRequest.changes.modification.type",
    values: "modifyRequest.changes.modification.vals",
};

impl<'a> Changes<'a> {
    pub(crate) fn check(reader: Reader<'a>) -> Result<Self, Error> {
        let mut rest = reader;
        while !rest.is_empty() {
            let mut change = rest.read_reader("modifyRequest.changes", tag::SEQUENCE)?;
            change.enumerated("modifyRequest.changes.operation", 0..=3)?;
            Attribute::check(CHANGE_FIELDS, &mut change, 0)?;
            change.finish("modifyRequest.changes")?;
        }
        Ok(Self { reader })
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Change<'a>;

    fn next(&mut self) -> Option<Change<'a>> {
        let mut change = self.reader.read_reader("change", tag::SEQUENCE).ok()?;
        let number = change.read("operation", tag::ENUMERATED).ok()?;
        let operation = ChangeKind::from_number(integer_value("operation", 0, number).ok()?)?;
        let modification = Attribute::trust(&mut change)?;
        Some(Change { operation, modification })
    }
}

impl fmt::Debug for Changes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}
