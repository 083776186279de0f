//! What is hidden from one client: attribute types and subtrees, prepared for requests and for entries.
//!
//! A hidden type hides its subtypes, for they are kinds of it, and makes its supertypes untestable, for who tests
//! `name` tests `cn`. It does not know which client it is prepared for.

use ostiary_ldap::attribute::{AttributeDescription, AttributeType};
use ostiary_ldap::dn::Dn;

use super::spellings::{NotPlain, PlainName, Spellings, type_of};

/// Active Directory's ambiguous name resolution: a filter on it tests every attribute whose schema says so.
const AMBIGUOUS_NAME_RESOLUTION: &str = "anr";

/// Types that ambiguous name resolution never looks at: only those of Unicode strings can take part (MS-ADTS section
/// 3.1.1.3.1.3.3), and passwords are none whatever their syntax. Whoever hides just these keeps address books working.
const NEVER_RESOLVED: &[&str] = &[
    "authpassword",
    "dbcspwd",
    "jpegphoto",
    "krbprincipalkey",
    "lmpwdhistory",
    "ms-mcs-admpwd",
    "msds-managedpassword",
    "ntpwdhistory",
    "ntsecuritydescriptor",
    "objectguid",
    "objectsid",
    "pwdhistory",
    "sambalmpassword",
    "sambantpassword",
    "supplementalcredentials",
    "thumbnailphoto",
    "unicodepwd",
    "usercertificate",
    "userpassword",
];

/// What one rule brings.
#[derive(Clone, Copy)]
pub(super) struct Part<'r> {
    pub(super) rule: u16,
    pub(super) types: &'r [AttributeType],
    pub(super) hidden: &'r [Dn],
}

/// What is hidden, each thing with the first rule that hides it.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// The types that are cut from entries.
    cut: Spellings,
    /// The types that may not be tested, by their one names.
    tested: Spellings,
    /// The rule that is named for a description that cannot be normalised, if any type is hidden.
    first: Option<u16>,
    /// The rule that is named for an object identifier outside the table: it may be that of a hidden type, if there
    /// is one whose object identifier is not known.
    nameless: Option<u16>,
    hidden: Vec<(Dn, u16)>,
}

impl Secrets {
    pub(super) fn new<'r>(parts: impl IntoIterator<Item = Part<'r>>) -> Self {
        let mut secrets = Self::default();
        for part in parts {
            part.types.iter().for_each(|hidden| secrets.hide_type(hidden, part.rule));
            secrets.hidden.extend(part.hidden.iter().map(|dn| (dn.clone(), part.rule)));
        }
        secrets
    }

    fn hide_type(&mut self, hidden: &AttributeType, rule: u16) {
        self.first.get_or_insert(rule);
        if !has_known_oid(hidden) {
            self.nameless.get_or_insert(rule);
        }
        if !NEVER_RESOLVED.contains(&hidden.as_str()) {
            self.tested.insert(AMBIGUOUS_NAME_RESOLUTION.as_bytes(), rule);
        }
        for cut in core::iter::once(hidden.clone()).chain(hidden.subtypes()) {
            self.cut.add(&cut, rule);
            for tested in core::iter::successors(Some(cut), AttributeType::supertype) {
                self.tested.insert(tested.as_str().as_bytes(), rule);
            }
        }
    }

    /// Whether any attribute is hidden.
    #[inline]
    pub(super) fn has_attributes(&self) -> bool {
        self.first.is_some()
    }

    /// Whether any entry is hidden.
    #[inline]
    pub(super) fn has_entries(&self) -> bool {
        !self.hidden.is_empty()
    }

    /// The rule by which an attribute of an entry is cut, if it is.
    #[inline]
    pub(super) fn cuts(&self, description: &[u8]) -> Option<u16> {
        let first = self.first?;
        self.cut.find_plain(description).unwrap_or_else(|NotPlain| self.cuts_any(description, first))
    }

    /// Whether an attribute is surely not cut: its content is the first `length` octets of `attribute`.
    #[inline]
    pub(super) fn surely_keep(&self, attribute: &[u8], length: usize, known: &mut PlainName) -> bool {
        self.cut.surely_lack(attribute, length, known)
    }

    /// The same for descriptions of every kind.
    fn cuts_any(&self, description: &[u8], first: u16) -> Option<u16> {
        let Some(attribute_type) = type_of(description) else { return Some(first) };
        self.cut.find(attribute_type).or_else(|| match attribute_type {
            [b'0'..=b'9', ..] => self.may_be_oid_of_hidden(attribute_type),
            _ => None,
        })
    }

    fn may_be_oid_of_hidden(&self, oid: &[u8]) -> Option<u16> {
        let nameless = self.nameless?;
        match AttributeType::parse(oid) {
            Ok(known) if !is_numeric(&known) => None,
            _ => Some(nameless),
        }
    }

    /// The rule by which a request may not test this attribute, if one says so.
    pub(super) fn forbid_testing(&self, attribute: &AttributeDescription) -> Option<u16> {
        let attribute_type = attribute.attribute_type();
        let named = self.tested.find(attribute_type.as_str().as_bytes());
        named.or_else(|| self.nameless.filter(|_| is_numeric(attribute_type)))
    }

    /// The rule that is named where something cannot be read, or would test every attribute.
    pub(super) fn forbid_all(&self) -> Option<u16> {
        self.first
    }

    /// The rule that hides the entry of this name, if one does.
    pub(super) fn hides(&self, dn: &Dn) -> Option<u16> {
        self.hidden.iter().find(|(hidden, _)| dn.is_within(hidden)).map(|(_, rule)| *rule)
    }

    /// The same for a name as it came; one that cannot be normalised is hidden where any is.
    pub(super) fn hides_name(&self, name: &[u8]) -> Option<u16> {
        let (_, first) = self.hidden.first()?;
        Dn::from_bytes(name).map_or(Some(*first), |dn| self.hides(&dn))
    }

    /// The rule that is named where a target cannot be read.
    pub(super) fn first_hiding(&self) -> Option<u16> {
        self.hidden.first().map(|(_, rule)| *rule)
    }

    /// The rule that hides an entry below this one, if one does.
    pub(super) fn hides_below(&self, dn: &Dn) -> Option<u16> {
        self.hidden.iter().find(|(hidden, _)| hidden.is_within(dn)).map(|(_, rule)| *rule)
    }
}

/// Whether a type has no name but an object identifier.
pub(super) fn is_numeric(attribute_type: &AttributeType) -> bool {
    attribute_type.as_str().starts_with(|first: char| first.is_ascii_digit())
}

/// Whether the object identifier of a type is in the table, or is what it was named by.
pub(super) fn has_known_oid(attribute_type: &AttributeType) -> bool {
    attribute_type.spellings().any(|spelling| spelling.starts_with(|first: char| first.is_ascii_digit()))
}
