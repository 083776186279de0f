//! Attribute types and descriptions, normalised: one attribute, one value, however it was spelt.
//!
//! Names are folded to lower case, object identifiers and second names mapped to one name by a table, options folded,
//! sorted and told apart. No schema is known: equality and [`AttributeDescription::covers`] take a subtype for another
//! type than its supertype ([`AttributeType::is_kind_of`] knows those of the RFCs), and a type outside the table is
//! equal only to the same spelling.
//!
//! ```text
//! attributedescription = attributetype options       (RFC 4512 section 2.5)
//! attributetype = oid                                 ; a descr or a numericoid
//! options = *( SEMI option )
//! option = 1*keychar
//! ```
//!
//! Servers allow more: underscores in names, and Active Directory's `range=0-1499` among the options. So does this.

mod known;
mod names;
mod supertypes;

use core::fmt;
use std::borrow::Cow;

use smallvec::SmallVec;

/// Why text is no attribute type or description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// There is no type.
    #[error("empty attribute type")]
    Empty,
    /// The type is neither a name nor an object identifier.
    #[error("not an attribute type")]
    Type,
    /// An option is empty or has a character that options do not have.
    #[error("not an attribute option")]
    Option,
}

/// An attribute type, by the name that stands for all its spellings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeType(Cow<'static, str>);

impl AttributeType {
    /// The type that `text` names: `cn`, `CommonName`, `2.5.4.3` or `OID.2.5.4.3`.
    pub fn parse(text: &[u8]) -> Result<Self, AttributeError> {
        let known = known::name_of(without_prefix(text));
        Ok(Self(match known {
            Some(name) => Cow::Borrowed(name),
            None => Cow::Owned(fold_oid(text)?),
        }))
    }

    /// The one name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `LDAPv2` wrote `OID.` before an identifier.
fn without_prefix(text: &[u8]) -> &[u8] {
    match text {
        [b'o' | b'O', b'i' | b'I', b'd' | b'D', b'.', rest @ ..] => rest,
        _ => text,
    }
}

/// A name or an object identifier in lower case, without `LDAPv2`'s `OID.` before it.
pub(crate) fn fold_oid(text: &[u8]) -> Result<String, AttributeError> {
    let text = without_prefix(text);
    let Some(first) = text.first() else {
        return Err(AttributeError::Empty);
    };
    let well_formed = if first.is_ascii_digit() {
        // A leading zero would make two spellings of one arc; the grammar has none (RFC 4512 section 1.4).
        text.split(|&octet| octet == b'.')
            .all(|arc| arc.iter().all(u8::is_ascii_digit) && (matches!(arc, [b'1'..=b'9', ..] | [b'0'])))
    } else {
        first.is_ascii_alphabetic()
            && text.iter().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    if !well_formed {
        return Err(AttributeError::Type);
    }
    // All of it is ASCII, so the bytes are the characters.
    Ok(text.iter().map(|octet| char::from(octet.to_ascii_lowercase())).collect())
}

/// An attribute type with its options.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttributeDescription {
    attribute_type: AttributeType,
    options: SmallVec<[Box<str>; 1]>,
}

impl AttributeDescription {
    /// The description that `text` is. Selectors that name no attribute (`*`, `+`, `@person`) are none;
    /// `1.1` is one, of a type that no entry has.
    pub fn parse(text: &[u8]) -> Result<Self, AttributeError> {
        if !text.contains(&b';') {
            return AttributeType::parse(text).map(Self::from);
        }
        let mut parts = text.split(|&octet| octet == b';');
        let attribute_type = AttributeType::parse(parts.next().unwrap_or_default())?;
        let mut options = parts.map(fold_option).collect::<Result<SmallVec<[_; 1]>, _>>()?;
        options.sort_unstable();
        options.dedup();
        Ok(Self { attribute_type, options })
    }

    /// The type.
    pub fn attribute_type(&self) -> &AttributeType {
        &self.attribute_type
    }

    /// The options in lower case, sorted, each once.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(AsRef::as_ref)
    }

    /// True if whoever speaks of this one speaks of `other` too: `cn` covers `cn;lang-de`, not the reverse.
    pub fn covers(&self, other: &Self) -> bool {
        self.attribute_type == other.attribute_type && self.options.iter().all(|option| other.options.contains(option))
    }
}

impl From<AttributeType> for AttributeDescription {
    fn from(attribute_type: AttributeType) -> Self {
        Self { attribute_type, options: SmallVec::new() }
    }
}

impl fmt::Display for AttributeDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.attribute_type.fmt(f)?;
        self.options.iter().try_for_each(|option| write!(f, ";{option}"))
    }
}

fn fold_option(text: &[u8]) -> Result<Box<str>, AttributeError> {
    let allowed = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'=' | b'*' | b'.');
    if text.is_empty() || !text.iter().all(allowed) {
        return Err(AttributeError::Option);
    }
    Ok(text.iter().map(|octet| char::from(octet.to_ascii_lowercase())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description(text: &str) -> AttributeDescription {
        AttributeDescription::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn spellings_of_one_attribute_are_equal() {
        for (one, other) in [
            ("cn", "CN"),
            ("cn", "2.5.4.3"),
            ("cn", "oid.2.5.4.3"),
            ("commonName", "cn"),
            ("userPassword", "2.5.4.35"),
            ("cn;lang-DE;x-a", "2.5.4.3;X-A;lang-de"),
            ("cn;binary;binary", "cn;binary"),
            ("1.2.3.4", "OID.1.2.3.4"),
            ("surname", "sn"),
            ("oid.userPassword", "USERPASSWORD"),
        ] {
            assert_eq!(description(one), description(other), "{one} {other}");
        }
        assert_ne!(description("cn"), description("cn;lang-de"));
        assert_ne!(description("cn"), description("sn"));
        assert_eq!(description("MEMBER;Range=0-*").to_string(), "member;range=0-*");
    }

    #[test]
    fn a_description_covers_its_options_and_no_other_type() {
        assert!(description("cn").covers(&description("cn;lang-de")));
        assert!(description("cn;a").covers(&description("cn;b;a")));
        assert!(!description("cn;lang-de").covers(&description("cn")));
        assert!(!description("name").covers(&description("cn")));
    }

    #[test]
    fn rejects_what_names_no_attribute() {
        use AttributeError::{Empty, Option, Type};
        for (text, error) in [
            ("", Empty),
            ("oid.", Empty),
            (";binary", Empty),
            ("*", Type),
            ("+", Type),
            ("@person", Type),
            ("c n", Type),
            ("cn\0", Type),
            ("c\u{e9}", Type),
            ("2.5.4.", Type),
            ("2..5", Type),
            ("2.5.04", Type),
            ("2.5.4.3a", Type),
            ("cn;", Option),
            ("cn;;a", Option),
            ("cn;a b", Option),
        ] {
            assert_eq!(AttributeDescription::parse(text.as_bytes()), Err(error), "{text:?}");
        }
    }
}
