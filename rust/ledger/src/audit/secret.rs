//! Attributes whose values no record shows, by every spelling.
//!
//! In doubt a value is secret: where an attribute cannot be read, and where an object identifier is in no table, for it
//! may be that of a secret one. It does not know where attributes stand in a request.

use ostiary_ldap::attribute::AttributeType;

/// What everybody keeps secret: passwords, keys that are as good as passwords, and what they were before.
const BUILT_IN: &[&str] = &[
    "authPassword",
    "clearPassword",
    "currentValue",
    "dBCSPwd",
    "initialAuthIncoming",
    "initialAuthOutgoing",
    "ipaNTHash",
    "ipaTokenOtpKey",
    "krb5Key",
    "krbMKey",
    "krbPrincipalKey",
    "lmPwdHistory",
    "ms-Mcs-AdmPwd",
    "ms-Mcs-AdmPwdHistory",
    "msDS-ManagedPassword",
    "msLAPS-EncryptedDSRMPassword",
    "msLAPS-EncryptedDSRMPasswordHistory",
    "msLAPS-EncryptedPassword",
    "msLAPS-EncryptedPasswordHistory",
    "msLAPS-Password",
    "nsDS5ReplicaCredentials",
    "nsMultiplexorCredentials",
    "nsslapd-rootpw",
    "ntPwdHistory",
    "oathSecret",
    "olcDbIDAssertBind",
    "olcRootPW",
    "olcSyncrepl",
    "passwordHistory",
    "priorValue",
    "pwdHistory",
    "sambaClearTextPassword",
    "sambaLMPassword",
    "sambaNTPassword",
    "sambaPasswordHistory",
    "sambaPreviousClearTextPassword",
    "supplementalCredentials",
    "trustAuthIncoming",
    "trustAuthOutgoing",
    "unicodePwd",
    "userPKCS12",
    "userPassword",
];

/// Active Directory's ambiguous name resolution: a filter on it tests every attribute whose schema says so. No password
/// is one of them, but what a site calls secret may be.
const AMBIGUOUS_NAME_RESOLUTION: &str = "anr";

/// The attribute types whose values are secret.
pub(super) struct SecretAttributes {
    /// Spellings in lower case, by their length: hardly any attribute has to be compared with one.
    by_length: Vec<Vec<Box<[u8]>>>,
}

impl SecretAttributes {
    /// The built-in ones, and `more`.
    pub(super) fn compile(more: &[String]) -> Result<Self, String> {
        let mut secrets = Self { by_length: Vec::new() };
        for (place, name) in more.iter().enumerate() {
            let secret = AttributeType::parse(name.as_bytes())
                .map_err(|error| format!("secret_attributes[{place}]: {error}: {name}"))?;
            secrets.add(&secret);
            secrets.insert(AMBIGUOUS_NAME_RESOLUTION);
        }
        for secret in BUILT_IN.iter().filter_map(|name| AttributeType::parse(name.as_bytes()).ok()) {
            secrets.add(&secret);
        }
        Ok(secrets)
    }

    /// Adds a type, with the types that are kinds of it, and those that it is a kind of: who tests `name` tests `cn`.
    fn add(&mut self, secret: &AttributeType) {
        let above = core::iter::successors(secret.supertype(), AttributeType::supertype);
        for one in core::iter::once(secret.clone()).chain(secret.subtypes()).chain(above) {
            one.spellings().for_each(|spelling| self.insert(spelling));
        }
    }

    fn insert(&mut self, spelling: &str) {
        if self.by_length.len() <= spelling.len() {
            self.by_length.resize_with(spelling.len().saturating_add(1), Vec::new);
        }
        if let Some(bucket) = self.by_length.get_mut(spelling.len())
            && !bucket.iter().any(|known| **known == *spelling.as_bytes())
        {
            bucket.push(spelling.as_bytes().into());
        }
    }

    /// Whether the values of the attribute with this description are secret.
    pub(super) fn contain(&self, description: &[u8]) -> bool {
        let attribute_type = description.split(|octet| *octet == b';').next().unwrap_or_default();
        let spelling = without_prefix(attribute_type.trim_ascii());
        if self.has_spelling(spelling) {
            return true;
        }
        match AttributeType::parse(spelling) {
            Ok(known) => known.as_str().starts_with(|first: char| first.is_ascii_digit()),
            Err(_) => true,
        }
    }

    /// Where in a DN, or in any text that may hold one, a value begins that is secret. Where it would end is not asked:
    /// servers do not agree on quotes and escapes.
    pub(super) fn value_within(&self, text: &[u8]) -> Option<usize> {
        let mut from = 0_usize;
        loop {
            let equals = text.get(from..)?.iter().position(|octet| *octet == b'=')?;
            let place = from.saturating_add(equals);
            if self.is_secret_before(text.get(..place).unwrap_or_default()) {
                return Some(place.saturating_add(1));
            }
            from = place.saturating_add(1);
        }
    }

    /// Whether what stands right before an equals sign is a secret attribute.
    fn is_secret_before(&self, text: &[u8]) -> bool {
        let text = text.trim_ascii_end();
        let is_of_name = |octet: &u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.' | b';');
        let start = text.iter().rposition(|octet| !is_of_name(octet)).map_or(0, |place| place.saturating_add(1));
        let name = text.get(start..).unwrap_or_default();
        // A semicolon stands before an option, and in LDAPv2 before the next RDN.
        name.split(|octet| *octet == b';').map(without_prefix).any(|spelling| match spelling {
            // A number without dots is a value with an equals sign behind it, not an object identifier.
            [b'0'..=b'9', ..] => spelling.contains(&b'.') && self.contain(spelling),
            _ => self.has_spelling(spelling),
        })
    }

    #[inline]
    fn has_spelling(&self, spelling: &[u8]) -> bool {
        self.by_length
            .get(spelling.len())
            .is_some_and(|bucket| bucket.iter().any(|known| known.eq_ignore_ascii_case(spelling)))
    }
}

/// `LDAPv2` wrote `OID.` before an identifier.
fn without_prefix(text: &[u8]) -> &[u8] {
    match text {
        [b'o' | b'O', b'i' | b'I', b'd' | b'D', b'.', rest @ ..] => rest,
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(more: &[&str]) -> SecretAttributes {
        SecretAttributes::compile(&more.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn every_spelling_of_a_secret_is_secret() {
        let secrets = secrets(&["sn", "employeePin"]);
        for secret in [
            "userPassword",
            "USERPASSWORD",
            "2.5.4.35",
            "oid.2.5.4.35",
            "OID.userpassword",
            "userPassword;lang-de",
            " userPassword ",
            "unicodePwd",
            "1.2.840.113556.1.4.90",
            "surname",
            "2.5.4.4",
            "name",
            "EMPLOYEEPIN;x",
            "anr",
            // Nobody knows what these are.
            "1.2.3.4.5",
            "2.5.4.035",
            "",
            ";",
            "user password",
            "us\u{e9}r",
            "*",
        ] {
            assert!(secrets.contain(secret.as_bytes()), "{secret}");
        }
        for open in ["cn", "mail", "uid;lang-de", "2.5.4.3", "oid.2.5.4.3", "userPasswordExpires", "description"] {
            assert!(!secrets.contain(open.as_bytes()), "{open}");
        }
        assert!(!self::secrets(&[]).contain(b"anr"), "names are no secret by themselves");
    }

    #[test]
    fn a_secret_value_in_a_name_is_found_however_it_is_written() {
        let secrets = secrets(&[]);
        for (text, shown) in [
            ("userPassword=x,dc=a", "userPassword="),
            ("cn=a+userPassword = x,dc=a", "cn=a+userPassword ="),
            ("cn=a,2.5.4.35=x", "cn=a,2.5.4.35="),
            ("cn=a;OID.2.5.4.35=x", "cn=a;OID.2.5.4.35="),
            ("cn=\"a,userpassword;b=x\"", "cn=\"a,userpassword;b="),
            ("cn=a,1.2.3.4=x", "cn=a,1.2.3.4="),
        ] {
            let place = secrets.value_within(text.as_bytes());
            assert_eq!(place.map(|place| &text[..place]), Some(shown));
        }
        for text in ["", "cn=a,dc=b", "cn=x==,ou=12=3", "userPassword", "=", "cn=userPassword"] {
            assert_eq!(secrets.value_within(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn rejects_what_names_no_attribute() {
        let error = SecretAttributes::compile(&["cn".into(), "a b".into()]).err().unwrap();
        assert_eq!(error, "secret_attributes[1]: not an attribute type: a b");
    }
}
