//! Which attribute types are kinds of others: the `SUP` of their definitions in RFC 4519, 2256, 2307 and 3671, X.520
//! and OpenLDAP's schema files.
//!
//! Whoever asks a server for `name`, or tests it in a filter, is answered from `cn`, `sn` and the others (RFC 4512
//! section 2.5.1). RFC 4512, 4523, 4524 and 2798 define no subtypes; `uniqueMember` and `manager` are none, though
//! their values look it. Active Directory knows no subtypes: there `name` and `distinguishedName` are attributes of
//! their own, and taking `cn` for a kind of `name` errs on the side of asking about too much. Subtypes that a site's
//! own schema defines are not known here.

use super::{AttributeType, names};

/// A type and the one it is a kind of, by their one names; sorted.
const SUPERTYPES: &[(&str, &str)] = &[
    ("c", "name"),
    ("c-facsimiletelephonenumber", "facsimiletelephonenumber"),
    ("c-internationalisdnnumber", "internationalisdnnumber"),
    ("c-l", "l"),
    ("c-o", "o"),
    ("c-ou", "ou"),
    ("c-physicaldeliveryofficename", "physicaldeliveryofficename"),
    ("c-postaladdress", "postaladdress"),
    ("c-postalcode", "postalcode"),
    ("c-postofficebox", "postofficebox"),
    ("c-st", "st"),
    ("c-street", "street"),
    ("c-telephonenumber", "telephonenumber"),
    ("c-telexnumber", "telexnumber"),
    ("cn", "name"),
    ("dgidentity", "distinguishedname"),
    ("dmdname", "name"),
    ("generationqualifier", "name"),
    ("givenname", "name"),
    ("initials", "name"),
    ("ipserviceprotocol", "name"),
    ("l", "name"),
    ("member", "distinguishedname"),
    ("memberurl", "labeleduri"),
    ("nismapname", "name"),
    ("o", "name"),
    ("ou", "name"),
    ("owner", "distinguishedname"),
    ("pseudonym", "name"),
    ("registeredaddress", "postaladdress"),
    ("roleoccupant", "distinguishedname"),
    ("seealso", "distinguishedname"),
    ("sn", "name"),
    ("st", "name"),
    ("title", "name"),
];

impl AttributeType {
    /// The type that this one is directly a kind of.
    pub fn supertype(&self) -> Option<Self> {
        let place = SUPERTYPES.binary_search_by(|(subtype, _)| (*subtype).cmp(self.as_str())).ok()?;
        SUPERTYPES.get(place).map(|(_, supertype)| Self((*supertype).into()))
    }

    /// True if this is `other` or, over any number of steps, a kind of it.
    pub fn is_kind_of(&self, other: &Self) -> bool {
        self == other || core::iter::successors(self.supertype(), Self::supertype).any(|above| above == *other)
    }

    /// Every type but itself that is a kind of this one.
    pub fn subtypes(&self) -> impl Iterator<Item = Self> {
        let known = SUPERTYPES.iter().map(|(subtype, _)| Self((*subtype).into()));
        known.filter(move |subtype| subtype != self && subtype.is_kind_of(self))
    }

    /// Every known spelling of this type, in lower case: its one name, second names, and object identifiers.
    pub fn spellings(&self) -> impl Iterator<Item = &str> {
        core::iter::once(self.as_str()).chain(names::spellings_of(self.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> AttributeType {
        AttributeType::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn table_is_sorted_has_one_names_only_and_no_circle() {
        assert!(SUPERTYPES.is_sorted_by(|a, b| a.0 < b.0));
        for (subtype, supertype) in SUPERTYPES {
            for name in [subtype, supertype] {
                assert_eq!(named(name).as_str(), *name);
            }
            assert!(core::iter::successors(Some(named(subtype)), AttributeType::supertype).count() <= 3);
        }
    }

    #[test]
    fn whatever_its_spelling_a_type_is_a_kind_of_those_above_it() {
        for (one, other) in [
            ("cn", "name"),
            ("2.5.4.4", "2.5.4.41"),
            ("surname", "NAME"),
            ("c-l", "l"),
            ("2.5.4.7.1", "name"),
            ("member", "distinguishedName"),
            ("cn", "commonName"),
        ] {
            assert!(named(one).is_kind_of(&named(other)), "{one} {other}");
        }
        for (one, other) in
            [("name", "cn"), ("uniqueMember", "distinguishedName"), ("manager", "distinguishedName"), ("uid", "name")]
        {
            assert!(!named(one).is_kind_of(&named(other)), "{one} {other}");
        }
    }

    #[test]
    fn subtypes_and_spellings_are_all_told() {
        let below: Vec<_> = named("l").subtypes().collect();
        assert_eq!(below, [named("c-l")]);
        assert_eq!(named("name").subtypes().count(), 19);
        let mut spelt: Vec<_> = named("CommonName").spellings().map(str::to_owned).collect();
        spelt.sort_unstable();
        assert_eq!(spelt, ["2.5.4.3", "cn", "commonname"]);
    }
}
