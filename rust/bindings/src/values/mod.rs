//! `ostiary_ldap`'s names and messages as Python values: for the demo, its client, and tests.
//!
//! Converts and documents; what anything means is decided in `ostiary_ldap`. The Python documentation of every class is
//! in `_core.pyi`. The gateway's own path of bytes never comes here.

mod convert;
mod decode;
mod encode;
mod filter;
mod framer;
mod message;
mod names;
mod paged_results;
mod request;
mod response;

pub use decode::{decode_request, decode_response};
pub use filter::Filter;
pub use framer::Framer;
pub use message::{Control, Message, notice_of_disconnection, result_code_name};
pub use names::{AttributeDescription, Dn};
pub use paged_results::PagedResults;
pub use request::{
    AbandonRequest, AddRequest, Attribute, BindRequest, Change, CompareRequest, DelRequest, ExtendedRequest,
    ModifyDnRequest, ModifyRequest, SearchRequest, UnbindRequest,
};
pub use response::{IntermediateResponse, LdapResult, SearchResultEntry, SearchResultReference};
