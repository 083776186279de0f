//! `BindRequest`, with every way of authentication that clients still send.
//!
//! It does not know which of them are acceptable, nor who is identified; the credentials are never printed.
//!
//! ```text
//! BindRequest ::= [APPLICATION 0] SEQUENCE {
//!      version                 INTEGER (1 ..  127),
//!      name                    LDAPDN,
//!      authentication          AuthenticationChoice }
//! AuthenticationChoice ::= CHOICE {
//!      simple                  [0] OCTET STRING,
//!                              -- 1 and 2 reserved
//!      sasl                    [3] SaslCredentials,
//!      ...  }
//! SaslCredentials ::= SEQUENCE {
//!      mechanism               LDAPString,
//!      credentials             OCTET STRING OPTIONAL }
//! ```
//!
//! Sicily is Microsoft's NTLM choice ([MS-ADTS] section 5.1.1.1.3): tags 9 to 11, each a string of octets.

use core::fmt;

use ostiary_ber::{Error, ErrorKind, Reader, tag};

/// A request to authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindRequest<'a> {
    /// The protocol version: 3, or 2 from very old clients.
    pub version: u8,
    /// The DN (or, on some servers, another name) to authenticate as; empty with SASL and for anonymous binds.
    pub name: &'a [u8],
    /// How.
    pub authentication: Authentication<'a>,
}

/// The way of authentication and its credentials.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// A password; empty for anonymous and unauthenticated binds.
    Simple(&'a [u8]),
    /// One step of a SASL exchange.
    Sasl {
        /// The name of the mechanism.
        mechanism: &'a [u8],
        /// What the mechanism says in this step.
        credentials: Option<&'a [u8]>,
    },
    /// One step of Microsoft's NTLM exchange.
    Sicily {
        /// 0x89 package discovery, 0x8a negotiate, 0x8b response.
        tag: u8,
        /// What it says in this step.
        value: &'a [u8],
    },
    /// A choice that is not known, for which the answer is authMethodNotSupported (RFC 4511 section 4.2).
    Other {
        /// Its tag.
        tag: u8,
    },
}

impl<'a> BindRequest<'a> {
    #[inline]
    pub(crate) fn check(mut body: Reader<'a>) -> Result<Self, Error> {
        let version = body.integer("bindRequest.version", 1..=127)?;
        let name = body.octet_string("bindRequest.name")?;
        let offset = body.offset();
        let (tag, mut reader) = body.read_any_reader("bindRequest.authentication")?;
        let authentication = match tag {
            0x80 => Authentication::Simple(reader.rest()),
            0xa3 => {
                let mechanism = reader.octet_string("bindRequest.authentication.sasl.mechanism")?;
                let field = "bindRequest.authentication.sasl.credentials";
                let credentials = reader.read_optional(field, tag::OCTET_STRING)?;
                reader.finish("bindRequest.authentication.sasl")?;
                Authentication::Sasl { mechanism, credentials }
            }
            0x89..=0x8b => Authentication::Sicily { tag, value: reader.rest() },
            // A known choice in a form that RFC 4511 section 5.1 rules out, or no context-specific tag at all.
            0xa0 | 0x83 | 0x00..=0x7f | 0xc0..=0xff => {
                let kind = ErrorKind::UnknownChoice { tag };
                return Err(Error::new("bindRequest.authentication", offset, kind));
            }
            _ => Authentication::Other { tag },
        };
        body.finish("bindRequest")?;
        Ok(Self { version: u8::try_from(version).unwrap_or(u8::MAX), name, authentication })
    }
}

impl fmt::Debug for Authentication<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simple(_) => f.write_str("Simple(<redacted>)"),
            Self::Sasl { mechanism, .. } => {
                write!(f, "Sasl({:?}, <redacted>)", String::from_utf8_lossy(mechanism))
            }
            Self::Sicily { tag, .. } => write!(f, "Sicily(0x{tag:02x}, <redacted>)"),
            Self::Other { tag } => write!(f, "Other(0x{tag:02x})"),
        }
    }
}
