//! Who a client is, or asks to be: identities as rules compare them.

use ostiary_ldap::dn::Dn;
use ostiary_ldap::message::{Authentication, BindRequest};
use ostiary_ldap::prepare::prepare;

/// An identity, normalised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Who {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A DN.
    Dn(Dn),
    /// A user principal name, `user@domain`, prepared.
    Upn {
        /// Before the last at sign.
        user: Box<str>,
        /// Behind it.
        domain: Box<str>,
    },
    /// `DOMAIN\user`, prepared.
    Account {
        /// Before the backslash.
        domain: Box<str>,
        /// Behind it.
        user: Box<str>,
    },
    /// Somebody whose name only the server knows: a SASL or Sicily bind.
    Unnamed,
    /// Somebody whose name cannot be normalised: rules that depend on it refuse.
    Unreadable,
}

impl Who {
    /// Who a bind asks to be.
    pub fn asked_by(bind: &BindRequest<'_>) -> Self {
        match &bind.authentication {
            // A name without a password proves nobody (RFC 4513 5.1.2).
            Authentication::Simple(password) if password.iter().all(|octet| *octet == 0) => Self::Anonymous,
            Authentication::Simple(_) => Self::from_name(bind.name),
            Authentication::Sasl { mechanism, .. } if mechanism.eq_ignore_ascii_case(b"ANONYMOUS") => Self::Anonymous,
            _ => Self::Unnamed,
        }
    }

    /// The identity that a name spells; an empty one is anonymous.
    pub fn from_name(name: &[u8]) -> Self {
        if name.is_empty() {
            return Self::Anonymous;
        }
        Self::read(name).unwrap_or(Self::Unreadable)
    }

    fn read(name: &[u8]) -> Option<Self> {
        // Every DN but the empty one has an equals sign, and neither of the other forms may.
        if name.contains(&b'=') {
            return Dn::from_bytes(name).ok().map(Self::Dn);
        }
        let text = core::str::from_utf8(name).ok()?;
        let part = |text: &str| prepare(text).ok().filter(|part| !part.is_empty()).map(String::into_boxed_str);
        if let Some((domain, user)) = text.split_once('\\') {
            return Some(Self::Account { domain: part(domain)?, user: part(user)? });
        }
        let (user, domain) = text.rsplit_once('@')?;
        Some(Self::Upn { user: part(user)?, domain: part(domain)? })
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        *self == Self::Anonymous
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_one_identity() {
        for (one, other) in [
            ("cn=App,dc=corp", "CN = app , DC=Corp"),
            ("alice@corp.example", "Alice@CORP.example"),
            ("CORP\\alice", "corp\\Alice"),
        ] {
            assert_eq!(Who::from_name(one.as_bytes()), Who::from_name(other.as_bytes()), "{one}");
        }
        assert_eq!(Who::from_name(b""), Who::Anonymous);
    }

    #[test]
    fn what_is_no_name_that_rules_know_is_unreadable() {
        for name in ["alice", "<GUID=3f>", "cn=", "cn=a\u{200b},dc=x", "\\alice", "corp.example/users/alice", "@x"] {
            let expected = if name == "cn=" { Who::from_name(b"cn=") } else { Who::Unreadable };
            assert_eq!(Who::from_name(name.as_bytes()), expected, "{name}");
        }
    }
}
