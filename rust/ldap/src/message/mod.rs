//! `LDAPMessage`: one file per thing that can be said with it.
//!
//! Requests come from clients and are checked whole ([`Request::parse`]); responses come from servers and show only
//! their head ([`ResponseHead::peek`]), the bodies that matter being read by [`crate::result`].
//!
//! ```text
//! LDAPMessage ::= SEQUENCE {
//!      messageID       MessageID,
//!      protocolOp      CHOICE { ... },
//!      controls       [0] Controls OPTIONAL }
//! MessageID ::= INTEGER (0 ..  maxInt)
//! maxInt INTEGER ::= 2147483647 -- (2^^31 - 1) --
//! ```

mod bind;
mod control;
mod entry_run;
mod filter_check;
mod kind;
mod list;
mod request;
mod response_body;
mod response_head;
mod search;
mod update;

pub use bind::{Authentication, BindRequest};
pub use control::{Control, Controls, paged_results};
pub use entry_run::EntryRun;
pub use filter_check::FilterLimits;
pub(crate) use filter_check::{check_filter, choice};
pub use kind::{RequestKind, ResponseOp};
pub use list::{Attribute, Attributes, Change, ChangeKind, Changes, OctetStrings};
pub(crate) use request::CheckError;
pub use request::{Operation, Request, RequestError, behind_message_id};
pub use response_body::{IntermediateResponse, SearchResultEntry, SearchResultReference};
pub use response_head::ResponseHead;
pub use search::{DerefAliases, Scope, SearchRequest};
pub use update::{AddRequest, CompareRequest, DeleteRequest, ModifyDnRequest, ModifyRequest};

/// The number by which a client tells its requests apart; 0 is the server's, for unsolicited notifications.
pub type MessageId = u32;

/// The tag of `controls` in an `LDAPMessage`.
pub(crate) const CONTROLS_TAG: u8 = 0xa0;
