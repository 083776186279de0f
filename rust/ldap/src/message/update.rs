//! The requests that change entries or ask about one value: modify, add, delete, modify DN and compare.
//!
//! They know no schema: names and values are octets, and values are never printed.
//!
//! ```text
//! ModifyRequest ::= [APPLICATION 6] SEQUENCE {
//!      object          LDAPDN,
//!      changes         SEQUENCE OF change SEQUENCE { ... } }
//! AddRequest ::= [APPLICATION 8] SEQUENCE {
//!      entry           LDAPDN,
//!      attributes      AttributeList }
//! DelRequest ::= [APPLICATION 10] LDAPDN
//! ModifyDNRequest ::= [APPLICATION 12] SEQUENCE {
//!      entry           LDAPDN,
//!      newrdn          RelativeLDAPDN,
//!      deleteoldrdn    BOOLEAN,
//!      newSuperior     [0] LDAPDN OPTIONAL }
//! CompareRequest ::= [APPLICATION 14] SEQUENCE {
//!      entry           LDAPDN,
//!      ava             AttributeValueAssertion }
//! ```

use core::fmt;

use ostiary_ber::{Error, Reader, tag};

use super::list::{Attributes, Changes, Fields, attribute_description};

/// A request to change attributes of an entry.
#[derive(Clone, Copy)]
pub struct ModifyRequest<'a> {
    /// The DN of the entry.
    pub object: &'a [u8],
    /// What is changed, in this order.
    pub changes: Changes<'a>,
}

impl<'a> ModifyRequest<'a> {
    pub(crate) fn check(mut body: Reader<'a>) -> Result<Self, Error> {
        let object = body.octet_string("modifyRequest.object")?;
        let changes = Changes::check(body.read_reader("modifyRequest.changes", tag::SEQUENCE)?)?;
        body.finish("modifyRequest")?;
        Ok(Self { object, changes })
    }
}

impl fmt::Debug for ModifyRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModifyRequest")
            .field("object", &String::from_utf8_lossy(self.object))
            .field("changes", &self.changes)
            .finish()
    }
}

/// A request to add an entry.
#[derive(Clone, Copy)]
pub struct AddRequest<'a> {
    /// The DN of the entry.
    pub entry: &'a [u8],
    /// Its attributes.
    pub attributes: Attributes<'a>,
}

impl<'a> AddRequest<'a> {
    pub(crate) fn check(mut body: Reader<'a>) -> Result<Self, Error> {
        const FIELDS: Fields = Fields {
            attribute: "addRequest.attributes",
            description: "addRequest.attributes.type",
            values: "addRequest.attributes.vals",
        };
        let entry = body.octet_string("addRequest.entry")?;
        let attributes = body.read_reader("addRequest.attributes", tag::SEQUENCE)?;
        let attributes = Attributes::check(FIELDS, attributes)?;
        body.finish("addRequest")?;
        Ok(Self { entry, attributes })
    }
}

impl fmt::Debug for AddRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddRequest")
            .field("entry", &String::from_utf8_lossy(self.entry))
            .field("attributes", &self.attributes)
            .finish()
    }
}

/// A request to delete an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DeleteRequest<'a> {
    /// The DN of the entry.
    pub entry: &'a [u8],
}

impl fmt::Debug for DeleteRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeleteRequest({:?})", String::from_utf8_lossy(self.entry))
    }
}

/// A request to rename or move an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ModifyDnRequest<'a> {
    /// The DN of the entry.
    pub entry: &'a [u8],
    /// Its new RDN.
    pub new_rdn: &'a [u8],
    /// Whether the values of the old RDN are removed.
    pub delete_old_rdn: bool,
    /// The DN of the new parent, if it moves.
    pub new_superior: Option<&'a [u8]>,
}

impl<'a> ModifyDnRequest<'a> {
    pub(crate) fn check(mut body: Reader<'a>) -> Result<Self, Error> {
        let entry = body.octet_string("modDNRequest.entry")?;
        let new_rdn = body.octet_string("modDNRequest.newrdn")?;
        let delete_old_rdn = body.boolean("modDNRequest.deleteoldrdn")?;
        let new_superior = body.read_optional("modDNRequest.newSuperior", 0x80)?;
        body.finish("modDNRequest")?;
        Ok(Self { entry, new_rdn, delete_old_rdn, new_superior })
    }
}

impl fmt::Debug for ModifyDnRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModifyDnRequest")
            .field("entry", &String::from_utf8_lossy(self.entry))
            .field("new_rdn", &String::from_utf8_lossy(self.new_rdn))
            .field("delete_old_rdn", &self.delete_old_rdn)
            .field("new_superior", &self.new_superior.map(String::from_utf8_lossy))
            .finish()
    }
}

/// A request to compare one value of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CompareRequest<'a> {
    /// The DN of the entry.
    pub entry: &'a [u8],
    /// Which attribute is compared.
    pub attribute: &'a [u8],
    /// With which value.
    pub value: &'a [u8],
}

impl<'a> CompareRequest<'a> {
    pub(crate) fn check(mut body: Reader<'a>) -> Result<Self, Error> {
        let entry = body.octet_string("compareRequest.entry")?;
        let mut ava = body.read_reader("compareRequest.ava", tag::SEQUENCE)?;
        let attribute = attribute_description("compareRequest.ava.attributeDesc", &mut ava)?;
        let value = ava.octet_string("compareRequest.ava.assertionValue")?;
        ava.finish("compareRequest.ava")?;
        body.finish("compareRequest")?;
        Ok(Self { entry, attribute, value })
    }
}

impl fmt::Debug for CompareRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompareRequest")
            .field("entry", &String::from_utf8_lossy(self.entry))
            .field("attribute", &String::from_utf8_lossy(self.attribute))
            .field("value", &"<redacted>")
            .finish()
    }
}
