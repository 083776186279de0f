//! Who a client has proved to be. A claim counts only after the server's success (RFC 4513, trap T9).

use ostiary_ldap::message::{Authentication, BindRequest};
use ostiary_policy::Who;

/// Who a client has proved to be, or claims to be while its bind is undecided.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Identity {
    /// Nobody in particular.
    #[default]
    Anonymous,
    /// A name that a simple bind proved: a DN, or at Active Directory a UPN or `DOMAIN\user`.
    Name(Box<str>),
    /// A SASL mechanism proved somebody; the server knows whom.
    Sasl(Box<str>),
    /// A Sicily (NTLM) bind proved somebody; the server knows whom.
    Sicily,
}

impl Identity {
    /// What a bind request claims.
    pub fn claimed(bind: &BindRequest<'_>) -> Self {
        match &bind.authentication {
            // No name or no password: the server may say success, but nobody has proved anything
            // (RFC 4513 5.1.1, 5.1.2).
            Authentication::Simple(password) if bind.name.is_empty() || is_blank(password) => Self::Anonymous,
            Authentication::Simple(_) => Self::Name(String::from_utf8_lossy(bind.name).into()),
            Authentication::Sasl { mechanism, .. } if mechanism.eq_ignore_ascii_case(b"ANONYMOUS") => Self::Anonymous,
            Authentication::Sasl { mechanism, .. } => Self::Sasl(String::from_utf8_lossy(mechanism).into()),
            _ => Self::Sicily,
        }
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        *self == Self::Anonymous
    }

    /// The same as rules compare it. A name that was no text is none that they could.
    pub(crate) fn who(&self) -> Who {
        match self {
            Self::Anonymous => Who::Anonymous,
            Self::Name(name) if name.contains(char::REPLACEMENT_CHARACTER) => Who::Unreadable,
            Self::Name(name) => Who::from_name(name.as_bytes()),
            Self::Sasl(_) | Self::Sicily => Who::Unnamed,
        }
    }

    /// The identity in words, empty for anonymous.
    pub fn text(&self) -> String {
        match self {
            Self::Anonymous => String::new(),
            Self::Name(name) => name.to_string(),
            Self::Sasl(mechanism) => format!("sasl:{mechanism}"),
            Self::Sicily => "sicily".to_owned(),
        }
    }
}

/// Whether a password is none: empty, or NUL octets only, which C programs read as empty.
pub fn is_blank(password: &[u8]) -> bool {
    password.iter().all(|octet| *octet == 0)
}
