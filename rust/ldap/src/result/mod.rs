//! Results: the part that all responses share but entries, references and intermediate ones, and what bind and
//! extended responses add to it.
//!
//! Servers are believed more than clients, and have their oddities: Sicily's bind responses carry credentials in
//! place of matchedDN, old servers leave elements out. So the readers here take what they find and skip what they do
//! not know; only a result without a code is an error. What a code means for a session is not said here.
//!
//! ```text
//! LDAPResult ::= SEQUENCE {
//!      resultCode         ENUMERATED { ... },
//!      matchedDN          LDAPDN,
//!      diagnosticMessage  LDAPString,
//!      referral           [3] Referral OPTIONAL }
//! BindResponse ::= [APPLICATION 1] SEQUENCE {
//!      COMPONENTS OF LDAPResult,
//!      serverSaslCreds    [7] OCTET STRING OPTIONAL }
//! ExtendedResponse ::= [APPLICATION 24] SEQUENCE {
//!      COMPONENTS OF LDAPResult,
//!      responseName     [10] LDAPOID OPTIONAL,
//!      responseValue    [11] OCTET STRING OPTIONAL }
//! ```

mod code;

use core::fmt;

use ostiary_ber::{Error, ErrorKind, integer_value, tag};

use crate::message::{OctetStrings, ResponseHead, ResponseOp};

pub use code::ResultCode;

const REFERRAL: u8 = 0xa3;
const SERVER_SASL_CREDS: u8 = 0x87;
const RESPONSE_NAME: u8 = 0x8a;
const RESPONSE_VALUE: u8 = 0x8b;

/// How an operation ended.
#[derive(Clone, Copy)]
pub struct LdapResult<'a> {
    /// The code.
    pub code: ResultCode,
    /// The nearest entry that exists, where the target does not.
    pub matched_dn: &'a [u8],
    /// What the server has to say to a person.
    pub diagnostic_message: &'a [u8],
    /// The URIs where the operation could be tried instead.
    pub referral: Option<OctetStrings<'a>>,
}

impl<'a> LdapResult<'a> {
    /// The result in a complete response message that has one.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        Ok(read(message, None)?.0)
    }
}

impl fmt::Debug for LdapResult<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdapResult")
            .field("code", &self.code)
            .field("matched_dn", &String::from_utf8_lossy(self.matched_dn))
            .field("diagnostic_message", &String::from_utf8_lossy(self.diagnostic_message))
            .field("is_referral", &self.referral.is_some())
            .finish()
    }
}

/// The answer to a bind request.
#[derive(Clone, Copy)]
pub struct BindResponse<'a> {
    /// How it ended, or that it goes on ([`ResultCode::SASL_BIND_IN_PROGRESS`]).
    pub result: LdapResult<'a>,
    /// What the mechanism says in this step.
    pub server_sasl_creds: Option<&'a [u8]>,
}

impl<'a> BindResponse<'a> {
    /// The bind response in a complete message.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let (result, extras) = read(message, Some(ResponseOp::Bind))?;
        Ok(Self { result, server_sasl_creds: extras.server_sasl_creds })
    }
}

// The credentials, and with Sicily matchedDN too, are part of an authentication.
impl fmt::Debug for BindResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BindResponse")
            .field("code", &self.result.code)
            .field("server_sasl_creds", &self.server_sasl_creds.map(|_| "<redacted>"))
            .finish()
    }
}

/// The answer to an extended request, or an unsolicited notification.
#[derive(Clone, Copy)]
pub struct ExtendedResponse<'a> {
    /// How it ended.
    pub result: LdapResult<'a>,
    /// The object identifier of the response; many servers leave it out.
    pub name: Option<&'a [u8]>,
    /// The value, in the encoding that the operation defines.
    pub value: Option<&'a [u8]>,
}

impl<'a> ExtendedResponse<'a> {
    /// The extended response in a complete message.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let (result, extras) = read(message, Some(ResponseOp::Extended))?;
        Ok(Self { result, name: extras.name, value: extras.value })
    }
}

// The value may be a generated password (RFC 3062 section 2).
impl fmt::Debug for ExtendedResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtendedResponse")
            .field("result", &self.result)
            .field("name", &self.name.map(String::from_utf8_lossy))
            .field("value", &self.value.map(|_| "<redacted>"))
            .finish()
    }
}

/// What a response may have behind the result.
#[derive(Default)]
struct Extras<'a> {
    server_sasl_creds: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
}

fn read(message: &[u8], expected: Option<ResponseOp>) -> Result<(LdapResult<'_>, Extras<'_>), Error> {
    let mut reader = ResponseHead::read_body(message, expected)?;
    let offset = reader.offset();
    let number = integer_value("resultCode", offset, reader.read("resultCode", tag::ENUMERATED)?)?;
    let Ok(number) = u32::try_from(number) else {
        let kind = ErrorKind::OutOfRange { value: number, least: 0, most: i64::from(i32::MAX) };
        return Err(Error::new("resultCode", offset, kind));
    };
    let matched_dn = reader.read_optional("matchedDN", tag::OCTET_STRING)?.unwrap_or_default();
    let diagnostic_message = reader.read_optional("diagnosticMessage", tag::OCTET_STRING)?.unwrap_or_default();
    let mut result = LdapResult { code: ResultCode(number), matched_dn, diagnostic_message, referral: None };
    let mut extras = Extras::default();
    while !reader.is_empty() {
        let (tag, content) = reader.read_any_reader("response")?;
        match tag {
            REFERRAL => result.referral = Some(OctetStrings::trust(content)),
            SERVER_SASL_CREDS => extras.server_sasl_creds = Some(content.rest()),
            RESPONSE_NAME => extras.name = Some(content.rest()),
            RESPONSE_VALUE => extras.value = Some(content.rest()),
            _ => {}
        }
    }
    Ok((result, extras))
}
