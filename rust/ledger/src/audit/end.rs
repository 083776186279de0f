//! What is told of the end of an operation, and of a connection's.
//!
//! It does not know what was asked for.

use ostiary_ldap::message::MessageId;
use ostiary_ldap::result::ResultCode;

use super::decided::{self, Decided, LastDecided};
use super::draft::Draft;
use super::fields::Field;
use super::last::Last;
use super::spec::Format;
use super::time::span;

/// How an operation ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct End<'a> {
    /// The client's number for the request.
    pub message_id: MessageId,
    /// The result code that the client saw; none if no answer came.
    pub code: Option<ResultCode>,
    /// How many entries a search gave.
    pub entries: u32,
    /// How many octets of LDAP went to the client.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
    /// The server that was asked; none if the gateway answered.
    pub server: Option<&'a str>,
    /// Who decided, if a plugin did.
    pub decided: Option<Decided<'a>>,
    /// After a bind that succeeded, who the client is from now on, empty if anonymous; none where that did not change.
    pub identity: Option<&'a str>,
}

/// What happened to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// It was taken.
    Opened,
    /// It was not taken.
    Refused,
    /// It is over.
    Closed,
}

/// How a connection ended, or why it was not taken.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectionEnd<'a> {
    /// Why, in a word; none if it was opened.
    pub reason: Option<&'a str>,
    /// How many octets of LDAP went to the client.
    pub bytes: u64,
    /// How long it lasted.
    pub seconds: f64,
    /// Who decided, if a plugin did.
    pub decided: Option<Decided<'a>>,
}

/// What a record says as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Success,
    Failure,
    Unknown,
}

impl Outcome {
    #[inline]
    pub(super) fn of(code: Option<ResultCode>) -> Self {
        match code {
            Some(ResultCode::SUCCESS | ResultCode::COMPARE_TRUE | ResultCode::COMPARE_FALSE) => Self::Success,
            None | Some(ResultCode::SASL_BIND_IN_PROGRESS | ResultCode::REFERRAL) => Self::Unknown,
            Some(_) => Self::Failure,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        }
    }

    /// The severity of a record that says so: CEF's from 0 to 10.
    pub(super) fn cef_severity(self) -> &'static [u8] {
        match self {
            Self::Success => b"1",
            Self::Unknown => b"3",
            Self::Failure => b"5",
        }
    }

    /// The severity in syslog: notice for a failure, informational for the rest (RFC 5424 section 6.2.1).
    pub(super) fn syslog_severity(self) -> u8 {
        if self == Self::Failure { 5 } else { 6 }
    }
}

impl ConnectionEvent {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Opened => "connection_opened",
            Self::Refused => "connection_refused",
            Self::Closed => "connection_closed",
        }
    }

    pub(super) fn outcome(self) -> Outcome {
        if self == Self::Refused { Outcome::Failure } else { Outcome::Success }
    }

    fn ecs_type(self) -> &'static [u8] {
        match self {
            Self::Opened => b"[\"connection\",\"start\"]",
            Self::Refused => b"[\"connection\",\"denied\"]",
            Self::Closed => b"[\"connection\",\"end\"]",
        }
    }
}

/// How operations ended last.
#[derive(Default)]
pub(super) struct LastEnd {
    code: Last<Option<ResultCode>>,
    server: Last<String>,
    decided: LastDecided,
}

impl LastEnd {
    /// Writes how an operation ended; entries are told of a search alone.
    pub(super) fn write(&mut self, end: &End<'_>, is_search: bool, draft: &mut Draft<'_>) {
        draft.number(Field::Message, end.message_id.into());
        match end.code {
            Some(code) => self.code.write(
                draft,
                0,
                |last| *last == end.code,
                |last| *last = end.code,
                |draft| {
                    draft.number(Field::Code, code.0.into());
                    draft.word(Field::Result, code.name().unwrap_or("unknown"));
                    write_outcome(Outcome::of(end.code), draft);
                },
            ),
            None => write_outcome(Outcome::of(None), draft),
        }
        if is_search {
            draft.number(Field::Entries, end.entries.into());
        }
        draft.number(Field::Bytes, end.bytes);
        write_seconds(end.seconds, draft);
        if let Some(server) = end.server {
            self.server.write(
                draft,
                0,
                |last| last == server,
                |last| server.clone_into(last),
                |draft| draft.short(Field::Server, server),
            );
        }
        if let Some(decided) = &end.decided {
            self.decided.write(decided, draft);
        }
    }
}

/// Writes what happened to a connection.
pub(super) fn write_connection(event: ConnectionEvent, end: &ConnectionEnd<'_>, draft: &mut Draft<'_>) {
    if draft.format() == Format::Ecs {
        draft.bare(Field::EventCategory, b"[\"network\"]");
        draft.bare(Field::EventType, event.ecs_type());
    }
    write_outcome(event.outcome(), draft);
    if event == ConnectionEvent::Closed {
        draft.number(Field::Bytes, end.bytes);
        write_seconds(end.seconds, draft);
    }
    if let Some(decided) = &end.decided {
        decided::write(decided, draft);
    }
    if let Some(reason) = end.reason {
        draft.short(Field::Reason, reason);
    }
}

fn write_outcome(outcome: Outcome, draft: &mut Draft<'_>) {
    if draft.format() != Format::Json {
        draft.word(Field::Outcome, outcome.word());
    }
}

fn write_seconds(seconds: f64, draft: &mut Draft<'_>) {
    let nanoseconds = u64::try_from(span(seconds).as_nanos()).unwrap_or(u64::MAX);
    if draft.format() == Format::Ecs {
        draft.number(Field::Seconds, nanoseconds);
    } else {
        draft.seconds(Field::Seconds, nanoseconds);
    }
}
