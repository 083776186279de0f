//! Which attributes are operational on every server that has them: `*` does not ask for these, `+` does.
//!
//! No schema is known: a name outside the table is taken for a user attribute where something is allowed, and may be
//! either where something is denied (`memberOf` is operational on one server and a user attribute on another). The root
//! DSE's are left out, for Active Directory shows them to whoever asks for `*`, and they hold nothing of the directory's
//! data.

use ostiary_ldap::attribute::AttributeType;

/// Whether this is known to be an operational attribute.
pub(crate) fn is_operational(attribute_type: &AttributeType) -> bool {
    OPERATIONAL.binary_search(&attribute_type.as_str()).is_ok()
}

/// From RFC 4512, 3672, 4530, 5020, draft-behera-ldap-password-policy, and what OpenLDAP and 389 Directory Server keep
/// for themselves; sorted.
const OPERATIONAL: &[&str] = &[
    "accountunlocktime",
    "aci",
    "attributetypes",
    "collectiveexclusions",
    "contextcsn",
    "createtimestamp",
    "creatorsname",
    "ditcontentrules",
    "ditstructurerules",
    "entrycsn",
    "entrydn",
    "entryttl",
    "entryusn",
    "entryuuid",
    "governingstructurerule",
    "hassubordinates",
    "ldapsyntaxes",
    "matchingrules",
    "matchingruleuse",
    "modifiersname",
    "modifytimestamp",
    "nameforms",
    "nsaccountlock",
    "nsuniqueid",
    "numsubordinates",
    "objectclasses",
    "passwordexpirationtime",
    "passwordexpwarned",
    "passwordgraceusertime",
    "passwordhistory",
    "passwordretrycount",
    "pwdaccountlockedtime",
    "pwdaccounttmplockoutend",
    "pwdchangedtime",
    "pwdfailuretime",
    "pwdgraceusetime",
    "pwdhistory",
    "pwdlastsuccess",
    "pwdpolicysubentry",
    "pwdreset",
    "retrycountresettime",
    "structuralobjectclass",
    "subschemasubentry",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found_by_every_spelling() {
        assert!(OPERATIONAL.is_sorted());
        for (text, operational) in [("createTimestamp", true), ("pwdHistory", true), ("cn", false), ("2.5.4.3", false)]
        {
            assert_eq!(is_operational(&AttributeType::parse(text.as_bytes()).unwrap()), operational, "{text}");
        }
        // Else a denial of one would have to think of those that are kinds of it.
        for name in OPERATIONAL {
            assert_eq!(AttributeType::parse(name.as_bytes()).unwrap().subtypes().count(), 0, "{name}");
        }
    }
}
