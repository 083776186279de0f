//! What of a response one client is shown: the one entry for the session, per whole message.
//!
//! Entries lose hidden attributes and hidden entries are dropped; matchedDN is emptied where it names a hidden entry;
//! pre-read and post-read controls are treated as the entries they hold; host names go as the stage says.
//! Everything else keeps its bytes, and so do messages in which nothing is hidden. Shown as they are, whatever is
//! hidden: values of shown attributes (a `member` that is the DN of a hidden entry), diagnosticMessage, intermediate
//! responses, the values of extended operations, and the controls of synchronisation and persistent search.

use std::borrow::Cow;
use std::sync::Arc;

use ostiary_ber::{Error, ErrorKind, Reader, tag};
use ostiary_ldap::message::{ResponseHead, ResponseOp};

use super::entry::{self, Left};
use super::hosts::{Hosts, Rebuilt};
use super::response_controls;
use super::secrets::Secrets;
use super::slices::Slices;
use super::spec::HostNames;

/// What is hidden from one client.
#[derive(Debug)]
pub struct Redaction {
    pub(super) secrets: Secrets,
    pub(super) hosts: Arc<Hosts>,
}

/// What became of a response. The rule is its place in the stage; none where the stage's own keys decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is shown as it came.
    Untouched,
    /// What is shown of it was appended.
    Rewritten {
        /// The first rule that hid something.
        rule: Option<u16>,
    },
    /// The client is not to see it.
    Dropped {
        /// The rule that hid it.
        rule: Option<u16>,
    },
}

impl Redaction {
    /// What of `message`, one whole response with this head, is shown; if it is [`Fate::Rewritten`], it is appended
    /// to `out`. An error is the server's fault, and nothing of the message may be shown.
    pub fn response(&self, head: &ResponseHead, message: &[u8], out: &mut Vec<u8>) -> Result<Fate, Error> {
        let incomplete = || Error::new("LDAPMessage", message.len(), ErrorKind::Missing);
        let message = message.get(..head.length).ok_or_else(incomplete)?;
        let mut slices = Slices::default();
        if let Some(rule) = self.slice(head.operation, message, &mut slices)? {
            return Ok(Fate::Dropped { rule: Some(rule) });
        }
        if self.hosts.may_change(head, message, &self.secrets) {
            return self.rebuild(head.operation, message, &slices, out);
        }
        if slices.is_empty() {
            return Ok(Fate::Untouched);
        }
        slices.write(message, out).ok_or_else(incomplete)?;
        Ok(Fate::Rewritten { rule: slices.rule() })
    }

    /// Marks what is cut out of the message; gives the rule that hides all of it, if one does.
    fn slice(&self, operation: ResponseOp, message: &[u8], slices: &mut Slices) -> Result<Option<u16>, Error> {
        let secrets = &self.secrets;
        if !secrets.has_attributes() && !secrets.has_entries() {
            return Ok(None);
        }
        let mut envelope = Reader::new(message).read_reader("LDAPMessage", tag::SEQUENCE)?;
        envelope.read("messageID", tag::INTEGER)?;
        let start = envelope.offset();
        let body = envelope.read_reader("protocolOp", operation.tag())?;
        let left = match operation {
            ResponseOp::SearchEntry => entry::walk(secrets, body, slices)?,
            // Sicily has something else in the place of matchedDN.
            ResponseOp::SearchReference | ResponseOp::Intermediate | ResponseOp::Bind => Left::AllBut(0),
            _ => Left::AllBut(self.slice_result(body, slices)?),
        };
        let removed = match left {
            Left::Nothing(rule) => return Ok(Some(rule)),
            Left::AllBut(removed) => removed,
        };
        slices.shorten(start, removed);
        let in_controls = response_controls::walk(secrets, &mut envelope, slices)?;
        slices.shorten(0, removed.saturating_add(in_controls));
        Ok(None)
    }

    /// Empties matchedDN if it names a hidden entry.
    fn slice_result(&self, mut body: Reader<'_>, slices: &mut Slices) -> Result<usize, Error> {
        body.read("resultCode", tag::ENUMERATED)?;
        let start = body.offset();
        let matched_dn = body.read_optional("matchedDN", tag::OCTET_STRING)?.unwrap_or_default();
        if matched_dn.is_empty() {
            return Ok(0);
        }
        let Some(rule) = self.secrets.hides_name(matched_dn) else { return Ok(0) };
        let end = body.offset();
        slices.cut(end.saturating_sub(matched_dn.len())..end, rule);
        slices.shorten(start, matched_dn.len());
        Ok(matched_dn.len())
    }

    fn rebuild(
        &self,
        operation: ResponseOp,
        message: &[u8],
        slices: &Slices,
        out: &mut Vec<u8>,
    ) -> Result<Fate, Error> {
        let mut left = Cow::Borrowed(message);
        if !slices.is_empty() {
            let mut cut = Vec::new();
            let incomplete = || Error::new("LDAPMessage", 0, ErrorKind::Missing);
            slices.write(message, &mut cut).ok_or_else(incomplete)?;
            left = Cow::Owned(cut);
        }
        Ok(match (self.hosts.rebuild(operation, &left, &self.secrets, out)?, left) {
            (Rebuilt::Dropped, _) if self.hosts.referrals == HostNames::Pass => {
                Fate::Dropped { rule: self.secrets.first_hiding() }
            }
            (Rebuilt::Dropped, _) => Fate::Dropped { rule: None },
            (Rebuilt::Written, _) => Fate::Rewritten { rule: slices.rule() },
            (Rebuilt::Same, Cow::Borrowed(_)) => Fate::Untouched,
            (Rebuilt::Same, Cow::Owned(left)) => {
                out.extend_from_slice(&left);
                Fate::Rewritten { rule: slices.rule() }
            }
        })
    }
}
