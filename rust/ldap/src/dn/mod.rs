//! Distinguished names, normalised: one name, one value, however it was spelt (RFC 4514, and what `LDAPv2` allowed).
//!
//! Attribute types are mapped to one name, escapes, quotes and hex forms resolved, the parts of an RDN sorted, values
//! prepared by RFC 4518 with their case folded. No schema is known, so every value is compared as caseIgnoreMatch
//! does. That folds too much for the few naming attributes whose values a server tells apart by case: two such
//! siblings are one name here. A rule that denies then denies both, which is safe; a rule that allows one allows its
//! sibling too, so whoever names entries by case alone must not build a boundary on it. Folding too little would be
//! worse: a spelling that slips past a denial while the server still finds the entry.
//!
//! What cannot be normalised is an error, never a guess. Whether a name exists, or is allowed, is not known here.

mod display;
mod parse;

use core::str::FromStr;

use smallvec::SmallVec;

use crate::attribute::{AttributeError, AttributeType};
use crate::prepare::PrepareError;

pub(crate) use parse::hex_octet;

/// Why text is no DN that can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnError {
    /// The text is not of the grammar.
    #[error("{expected} expected (offset {offset})")]
    Syntax {
        /// Octets before the place.
        offset: usize,
        /// What the grammar has there.
        expected: &'static str,
    },
    /// An attribute type is none.
    #[error("{error} (offset {offset})")]
    Type {
        /// Octets before the type.
        offset: usize,
        /// What is wrong with it.
        error: AttributeError,
    },
    /// A value is not UTF-8.
    #[error("value is not utf-8 (offset {offset})")]
    NotUtf8 {
        /// Octets before the value.
        offset: usize,
    },
    /// A value has characters that servers do not compare alike.
    #[error("{error} (offset {offset})")]
    Value {
        /// Octets before the value.
        offset: usize,
        /// Which character.
        error: PrepareError,
    },
}

/// The value of an attribute in an RDN, ready to be compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Value {
    /// Prepared text.
    Text(Box<str>),
    /// A BER element that is no string: its tag and content.
    Element(u8, Box<[u8]>),
}

/// One attribute type and its value in an RDN.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ava {
    attribute_type: AttributeType,
    value: Value,
}

impl Ava {
    /// The attribute type.
    pub fn attribute_type(&self) -> &AttributeType {
        &self.attribute_type
    }

    /// The prepared value, unless it is a BER element that is no string.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Element(..) => None,
        }
    }
}

/// A relative distinguished name: what tells an entry from its siblings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rdn {
    avas: SmallVec<[Ava; 1]>,
}

impl Rdn {
    /// Its attribute types and values, sorted.
    pub fn avas(&self) -> &[Ava] {
        &self.avas
    }
}

/// A distinguished name; without RDNs it is the root of the tree.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dn {
    rdns: Vec<Rdn>,
}

impl Dn {
    /// The DN that `text` spells.
    pub fn parse(text: &str) -> Result<Self, DnError> {
        Self::from_bytes(text.as_bytes())
    }

    /// The DN that `text`, as it came in a message, spells.
    pub fn from_bytes(text: &[u8]) -> Result<Self, DnError> {
        Ok(Self { rdns: parse::parse(text)? })
    }

    /// Its RDNs, the entry's own first.
    pub fn rdns(&self) -> &[Rdn] {
        &self.rdns
    }

    /// True for the DN without RDNs.
    pub fn is_root(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The DN of the entry above, if there is one; above `dc=com` there is the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rdns) = self.rdns.split_first()?;
        Some(Self { rdns: rdns.to_vec() })
    }

    /// True if this is `base` or below it, compared RDN by RDN. Everything is within the root.
    pub fn is_within(&self, base: &Self) -> bool {
        self.rdns.ends_with(&base.rdns)
    }
}

impl FromStr for Dn {
    type Err = DnError;

    fn from_str(text: &str) -> Result<Self, DnError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests;
