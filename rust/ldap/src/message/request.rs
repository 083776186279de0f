//! One request, checked whole before anything of it is believed or forwarded.
//!
//! Requests are small and hostile: a gateway that let pass what it cannot read would disagree with the server about
//! what was asked. So every element is checked, and elements after the last one that the grammar knows are a fault.
//! Nothing is copied. What is allowed beyond the grammar is not decided here.
//!
//! ```text
//! UnbindRequest ::= [APPLICATION 2] NULL
//! AbandonRequest ::= [APPLICATION 16] MessageID
//! ExtendedRequest ::= [APPLICATION 23] SEQUENCE {
//!      requestName      [0] LDAPOID,
//!      requestValue     [1] OCTET STRING OPTIONAL }
//! ```

use core::fmt;

use ostiary_ber::{Error, ErrorKind, Reader, integer_value, tag};

use super::bind::BindRequest;
use super::control::Controls;
use super::filter_check::FilterLimits;
use super::search::SearchRequest;
use super::update::{AddRequest, CompareRequest, DeleteRequest, ModifyDnRequest, ModifyRequest};
use super::{CONTROLS_TAG, MessageId, RequestKind, ResponseOp};
use crate::oid;

/// Why a request was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It is not what the grammar has.
    #[error(transparent)]
    Malformed(#[from] Error),
    /// A search whose filter nests deeper than allowed.
    #[error("searchRequest.filter: too deep (message {message_id})")]
    FilterTooDeep {
        /// The request that is to be answered.
        message_id: MessageId,
    },
    /// A search whose filter has more nodes than allowed.
    #[error("searchRequest.filter: too many nodes (message {message_id})")]
    FilterTooWide {
        /// The request that is to be answered.
        message_id: MessageId,
    },
}

/// A fault found while the messageID is not at hand.
#[derive(Debug, Clone, Copy)]
pub(crate) enum CheckError {
    Malformed(Error),
    FilterTooDeep,
    FilterTooWide,
}

impl From<Error> for CheckError {
    #[inline]
    fn from(error: Error) -> Self {
        Self::Malformed(error)
    }
}

/// One complete request.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The client's number for it, never 0.
    pub message_id: MessageId,
    /// What it asks for.
    pub operation: Operation<'a>,
    /// What it asks for beside that.
    pub controls: Controls<'a>,
    /// Its bytes as received.
    pub raw: &'a [u8],
}

/// What a request asks for.
#[derive(Clone, Copy)]
pub enum Operation<'a> {
    /// To authenticate.
    Bind(BindRequest<'a>),
    /// To end the session.
    Unbind,
    /// To search.
    Search(SearchRequest<'a>),
    /// To change attributes.
    Modify(ModifyRequest<'a>),
    /// To add an entry.
    Add(AddRequest<'a>),
    /// To delete an entry.
    Delete(DeleteRequest<'a>),
    /// To rename or move an entry.
    ModifyDn(ModifyDnRequest<'a>),
    /// To compare a value.
    Compare(CompareRequest<'a>),
    /// To give up on another request. The number is as sent, and may be none that a request can have.
    Abandon(i64),
    /// Anything else, by object identifier.
    Extended {
        /// The object identifier, in dotted form.
        name: &'a [u8],
        /// The value, in the encoding that the operation defines.
        value: Option<&'a [u8]>,
    },
}

impl<'a> Request<'a> {
    /// The request that `message`, exactly one complete message, holds.
    #[inline]
    pub fn parse(message: &'a [u8], limits: &FilterLimits) -> Result<Self, RequestError> {
        Self::read(message, Some(limits))
    }

    /// The same of a message that `parse` took before, without looking into what a search has most of, its filter and
    /// its selectors.
    #[inline]
    pub fn parse_again(message: &'a [u8]) -> Result<Self, RequestError> {
        Self::read(message, None)
    }

    #[inline]
    fn read(message: &'a [u8], limits: Option<&FilterLimits>) -> Result<Self, RequestError> {
        let mut reader = Reader::new(message);
        let mut envelope = reader.read_reader("LDAPMessage", tag::SEQUENCE)?;
        reader.finish("LDAPMessage")?;
        let message_id = envelope.integer("messageID", 1..=i64::from(i32::MAX))?;
        let message_id = MessageId::try_from(message_id).unwrap_or_default();

        let operation = Operation::check(&mut envelope, limits).map_err(|error| match error {
            CheckError::Malformed(error) => RequestError::Malformed(error),
            CheckError::FilterTooDeep => RequestError::FilterTooDeep { message_id },
            CheckError::FilterTooWide => RequestError::FilterTooWide { message_id },
        })?;

        let mut controls = Controls::none();
        if !envelope.is_empty() {
            if envelope.peek_tag() == Some(CONTROLS_TAG) {
                controls = Controls::check(envelope.read_reader("controls", CONTROLS_TAG)?)?;
            }
            envelope.finish("LDAPMessage")?;
        }
        Ok(Self { message_id, operation, controls, raw: message })
    }

    /// What kind of request it is.
    #[inline]
    pub fn kind(&self) -> RequestKind {
        self.operation.kind()
    }

    /// True for a search that goes on after what there was to find: persistent search, Active Directory's
    /// notification, syncrepl's refreshAndPersist.
    #[inline]
    pub fn never_ends(&self) -> bool {
        matches!(self.operation, Operation::Search(_)) && self.controls.never_end()
    }
}

/// What stands behind the message id of a message: all that is asked, and what requests that ask the same have in
/// common. Nothing if it is no message.
#[inline]
pub fn behind_message_id(message: &[u8]) -> &[u8] {
    let read = || {
        let mut envelope = Reader::new(message).read_reader("LDAPMessage", tag::SEQUENCE)?;
        envelope.read("messageID", tag::INTEGER)?;
        Ok::<_, Error>(envelope.rest())
    };
    read().unwrap_or_default()
}

impl<'a> Operation<'a> {
    #[inline]
    fn check(envelope: &mut Reader<'a>, limits: Option<&FilterLimits>) -> Result<Self, CheckError> {
        let offset = envelope.offset();
        let (tag, body) = envelope.read_any_reader("protocolOp")?;
        let Some(kind) = RequestKind::from_tag(tag) else {
            let kind = match ResponseOp::from_tag(tag) {
                Some(_) => ErrorKind::ForbiddenChoice { tag },
                None => ErrorKind::UnknownChoice { tag },
            };
            return Err(Error::new("protocolOp", offset, kind).into());
        };
        Ok(match kind {
            RequestKind::Search => Self::Search(SearchRequest::check(body, limits)?),
            RequestKind::Bind => Self::Bind(BindRequest::check(body)?),
            RequestKind::Unbind => {
                body.finish("unbindRequest")?;
                Self::Unbind
            }
            RequestKind::Modify => Self::Modify(ModifyRequest::check(body)?),
            RequestKind::Add => Self::Add(AddRequest::check(body)?),
            RequestKind::Delete => Self::Delete(DeleteRequest { entry: body.rest() }),
            RequestKind::ModifyDn => Self::ModifyDn(ModifyDnRequest::check(body)?),
            RequestKind::Compare => Self::Compare(CompareRequest::check(body)?),
            RequestKind::Abandon => Self::Abandon(integer_value("abandonRequest", offset, body.rest())?),
            RequestKind::Extended => Self::check_extended(body)?,
        })
    }

    fn check_extended(mut body: Reader<'a>) -> Result<Self, Error> {
        let offset = body.offset();
        let name = body.read("extendedReq.requestName", 0x80)?;
        if !oid::is_numeric_oid(name) {
            let kind = ErrorKind::Invalid("not an object identifier");
            return Err(Error::new("extendedReq.requestName", offset, kind));
        }
        let value = body.read_optional("extendedReq.requestValue", 0x81)?;
        body.finish("extendedReq")?;
        Ok(Self::Extended { name, value })
    }

    /// What kind of request it is.
    #[inline]
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::Bind(_) => RequestKind::Bind,
            Self::Unbind => RequestKind::Unbind,
            Self::Search(_) => RequestKind::Search,
            Self::Modify(_) => RequestKind::Modify,
            Self::Add(_) => RequestKind::Add,
            Self::Delete(_) => RequestKind::Delete,
            Self::ModifyDn(_) => RequestKind::ModifyDn,
            Self::Compare(_) => RequestKind::Compare,
            Self::Abandon(_) => RequestKind::Abandon,
            Self::Extended { .. } => RequestKind::Extended,
        }
    }
}

impl fmt::Debug for Operation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind(request) => request.fmt(f),
            Self::Unbind => f.write_str("Unbind"),
            Self::Search(request) => request.fmt(f),
            Self::Modify(request) => request.fmt(f),
            Self::Add(request) => request.fmt(f),
            Self::Delete(request) => request.fmt(f),
            Self::ModifyDn(request) => request.fmt(f),
            Self::Compare(request) => request.fmt(f),
            Self::Abandon(message_id) => write!(f, "Abandon({message_id})"),
            // The value of a password modify holds two passwords.
            Self::Extended { name, .. } => {
                write!(f, "Extended({:?}, <redacted>)", String::from_utf8_lossy(name))
            }
        }
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("message_id", &self.message_id)
            .field("operation", &self.operation)
            .field("controls", &self.controls)
            .field("bytes", &self.raw.len())
            .finish()
    }
}
