//! Requests whose responses matter to the policy: what is cut out of entries, how many entries a search may have over
//! all its pages, what a request took and gives back at its end, and who wants to know how it ended.

use std::sync::Arc;

use ostiary_ldap::message::{EntryRun, Operation, Request, RequestKind, ResponseHead, ResponseOp, paged_results};
use ostiary_ldap::oid;
use ostiary_ldap::result::{LdapResult, ResultCode};
use ostiary_policy::controls::is_oid;
use ostiary_policy::redact::{Fate as Shown, LastNames, Redaction};
use ostiary_policy::{Mode, Tickets, Told, Verdict, rewrite_search};
use smallvec::SmallVec;

use crate::event::Event;
use crate::judging::{Walking, decided, policy_under};
use crate::session::Session;
use crate::settings::Settings;
use crate::step::Step;

/// How many paged searches of one client are remembered between two pages. Servers keep fewer.
const PAGES_MAX: usize = 16;

/// A server that keeps the time limit itself says so a little later.
const TIME_LIMIT_GRACE_SECONDS: f64 = 1.0;

/// Why a search ends that has had as many entries as it may.
pub(crate) const NO_MORE_ENTRIES: &str = "no more entries are allowed here";

/// A request whose responses matter.
#[derive(Debug)]
pub(crate) struct Followed {
    message_id: u32,
    pub tickets: Tickets,
    /// What it was judged by, if the session has had other settings since.
    pub earlier: Option<Arc<Settings>>,
    redactions: SmallVec<[Arc<Redaction>; 1]>,
    /// What rules in monitor mode would cut out; told once for a request.
    watched: Vec<(usize, Arc<Redaction>)>,
    /// How many entries may still pass.
    entries_left: Option<u32>,
    /// Until when a search may go on.
    ends_at: Option<f64>,
    /// It asks for one page of its results.
    is_paged: bool,
    /// For who wants to know how it ended.
    pub request: Option<Box<[u8]>>,
    kind: RequestKind,
    entries: u32,
}

/// A paged search between two pages.
#[derive(Debug)]
pub(crate) struct Pages {
    cookie: Box<[u8]>,
    entries_left: u32,
}

/// What becomes of a response that matters.
#[derive(Debug)]
pub(crate) enum Followup {
    /// It passes as it came.
    Pass,
    /// It passes as `Step::edited` has it.
    Rewritten,
    /// It does not pass.
    Drop,
    /// The request ends here: this is its answer, and what the server still says of it is dropped.
    End(ResultCode, &'static str),
    /// The server sent what is no entry.
    Malformed,
}

impl Session {
    /// Writes a request for the upstream as its walk left it; says whether its responses matter.
    pub(crate) fn write_judged(
        &mut self,
        request: &Request<'_>,
        walking: &mut Walking,
        now: f64,
        step: &mut Step,
    ) -> bool {
        let Some(under) = &mut self.under_policy else {
            step.upstream.plain.extend_from_slice(request.raw);
            return false;
        };
        let Walking { walk, earlier } = walking;
        let observed = policy_under(&under.policy, earlier.as_ref()).observes(request.kind());
        let mut followed = Followed {
            message_id: request.message_id,
            tickets: std::mem::take(&mut walk.tickets),
            earlier: earlier.take(),
            redactions: std::mem::take(&mut walk.redactions),
            watched: std::mem::take(&mut walk.watched),
            entries_left: walk.edit.size_limit,
            ends_at: walk.edit.time_limit.map(|seconds| now + f64::from(seconds) + TIME_LIMIT_GRACE_SECONDS),
            is_paged: false,
            request: observed.then(|| request.raw.into()),
            kind: request.kind(),
            entries: 0,
        };
        // Whichever of several a server reads, and however it reads object identifiers.
        for control in request.controls.filter(|control| is_oid(control.control_type, oid::PAGED_RESULTS_OID)) {
            followed.is_paged = true;
            let left = |limit| under.left_for_page(limit, control.value.unwrap_or_default());
            followed.entries_left = followed.entries_left.map(left);
        }
        let out = &mut step.upstream.plain;
        let rewritten = match &request.operation {
            Operation::Search(search) if !walk.edit.is_nothing() => rewrite_search(request, search, &walk.edit, out),
            _ => false,
        };
        if !rewritten {
            out.extend_from_slice(request.raw);
        }
        let matters = observed
            || !followed.tickets.is_empty()
            || !followed.redactions.is_empty()
            || !followed.watched.is_empty()
            || followed.entries_left.is_some()
            || followed.ends_at.is_some();
        if matters {
            let is_timed = followed.ends_at.is_some();
            under.followed.push(followed);
            if is_timed {
                self.announce_deadline(step);
            }
        }
        matters
    }

    /// Looks at one whole response to a request that is followed.
    pub(crate) fn follow(&mut self, head: &ResponseHead, message: &[u8], step: &mut Step) -> Followup {
        let Some(under) = &mut self.under_policy else { return Followup::Pass };
        let Some(place) = under.followed.iter().position(|each| each.message_id == head.message_id) else {
            return Followup::Pass;
        };
        let Some(followed) = under.followed.get_mut(place) else { return Followup::Pass };
        let shown = if followed.surely_shows(head, message, &mut step.last_names) {
            Followup::Pass
        } else {
            for told in followed.would_hide(head, message) {
                let earlier = followed.earlier.as_ref();
                let policy = policy_under(&under.policy, earlier);
                step.events.push(decided(policy, &told, followed.kind));
                if let Some(account) = &mut self.account {
                    account.decide(head.message_id, policy, earlier, &told);
                }
            }
            followed.show(head, message, &mut step.edited)
        };
        let is_entry = head.operation == ResponseOp::SearchEntry && !matches!(shown, Followup::Drop);
        if is_entry && !followed.count_entry() {
            return Followup::End(ResultCode::SIZE_LIMIT_EXCEEDED, NO_MORE_ENTRIES);
        }
        if head.operation.is_final() {
            let mut followed = under.followed.swap_remove(place);
            policy_under(&under.policy, followed.earlier.as_ref()).release(&mut followed.tickets);
            under.remember_page(&followed, head, message);
            if let Some(request) = followed.request {
                let code = LdapResult::parse(message).map_or(ResultCode::OTHER, |result| result.code);
                let entries = followed.entries;
                let operation = followed.kind;
                step.events.push(Event::Finished { operation, request: request.into(), code: code.0, entries });
            }
        }
        shown
    }

    /// A request ends without its server's answer, or is abandoned.
    pub(crate) fn unfollow(&mut self, message_id: u32, code: Option<ResultCode>, step: &mut Step) {
        let Some(under) = &mut self.under_policy else { return };
        if let Some(place) = under.followed.iter().position(|each| each.message_id == message_id) {
            let mut followed = under.followed.swap_remove(place);
            policy_under(&under.policy, followed.earlier.as_ref()).release(&mut followed.tickets);
            if let (Some(code), Some(request)) = (code, followed.request) {
                let entries = followed.entries;
                let operation = followed.kind;
                step.events.push(Event::Finished { operation, request: request.into(), code: code.0, entries });
            }
        }
    }

    /// Ends a search here, with the gateway's own result.
    pub(crate) fn end_search(&mut self, message_id: u32, code: ResultCode, text: &str, step: &mut Step) {
        self.end_request(message_id, RequestKind::Search, code, text, step);
    }

    /// Ends a request of any kind so. What the server still sends of it is dropped, and the client may use its id again
    /// once that has ended: so the server is not told to stop, for then it might never say that it has.
    pub(crate) fn end_request(
        &mut self,
        message_id: u32,
        kind: RequestKind,
        code: ResultCode,
        text: &str,
        step: &mut Step,
    ) {
        self.refuse(message_id, kind, code, text, step);
        self.unfollow(message_id, Some(code), step);
        self.outstanding.end(message_id);
    }

    /// Ends the searches whose time is over.
    pub(crate) fn end_late_searches(&mut self, now: f64, step: &mut Step) {
        let is_torn = self.is_within_response();
        loop {
            let Some(under) = &mut self.under_policy else { return };
            let late = |followed: &&mut Followed| followed.ends_at.is_some_and(|time| now >= time);
            let Some(followed) = under.followed.iter_mut().find(late) else { return };
            if is_torn {
                // Its answer would land in the middle of a response that is passing.
                followed.ends_at = Some(now + TIME_LIMIT_GRACE_SECONDS);
                continue;
            }
            let (message_id, text) = (followed.message_id, "the search took longer than is allowed here");
            self.end_request(message_id, RequestKind::Search, ResultCode::TIME_LIMIT_EXCEEDED, text, step);
        }
    }

    /// Lets the entries pass that follow one that did, `first`, as long as they surely pass as they came; says how many
    /// octets they have. What there is to know of their search is looked up once.
    pub(crate) fn pass_entries(&mut self, message_id: u32, first: &[u8], behind: &[u8], step: &mut Step) -> usize {
        let mut run = EntryRun::behind(first, behind);
        let (mut entries, mut octets) = (0_u32, 0_usize);
        if let Some(followed) = self.followed_of(message_id) {
            for (head, message) in run {
                if !followed.surely_shows(&head, message, &mut step.last_names) || !followed.count_entry() {
                    break;
                }
                (entries, octets) = (entries.saturating_add(1), octets.saturating_add(head.length));
            }
        } else {
            entries = u32::try_from(run.by_ref().count()).unwrap_or(u32::MAX);
            octets = behind.len().saturating_sub(run.rest().len());
        }
        if let Some(account) = &mut self.account
            && entries > 0
        {
            account.respond(message_id, entries, octets);
        }
        octets
    }

    fn followed_of(&mut self, message_id: u32) -> Option<&mut Followed> {
        let followed = &mut self.under_policy.as_mut()?.followed;
        followed.iter_mut().find(|each| each.message_id == message_id)
    }

    /// Counts an entry that passes unseen; says whether it may.
    pub(crate) fn may_pass_entry(&mut self, message_id: u32) -> bool {
        self.followed_of(message_id).is_none_or(Followed::count_entry)
    }

    /// Whether the responses of this request have to be whole before they pass.
    pub(crate) fn redacts(&self, message_id: u32) -> bool {
        self.under_policy.as_ref().is_some_and(|under| {
            under.followed.iter().any(|each| each.message_id == message_id && !each.redactions.is_empty())
        })
    }
}

impl Followed {
    /// Counts one more entry, unless no more are allowed.
    fn count_entry(&mut self) -> bool {
        match &mut self.entries_left {
            Some(0) => return false,
            Some(left) => *left = left.saturating_sub(1),
            None => {}
        }
        self.entries = self.entries.saturating_add(1);
        true
    }

    /// Until when it may go on.
    pub(crate) fn ends_at(&self) -> Option<f64> {
        self.ends_at
    }

    /// Whether a glance is enough to say that a response passes as it came, and would by all rules.
    #[inline]
    fn surely_shows(&self, head: &ResponseHead, message: &[u8], last: &mut LastNames) -> bool {
        self.redactions.iter().all(|redaction| redaction.surely_shows(head, message, last))
            && self.watched.iter().all(|(_, redaction)| redaction.surely_shows(head, message, last))
    }

    /// What of a response the client may see.
    fn show(&self, head: &ResponseHead, message: &[u8], edited: &mut Vec<u8>) -> Followup {
        edited.clear();
        for redaction in &self.redactions {
            // What an earlier stage left is what the next one looks at.
            let before = std::mem::take(edited);
            let (whole, current) = if before.is_empty() {
                (*head, message)
            } else if let Ok(Some(head)) = ResponseHead::peek(&before) {
                (head, before.as_slice())
            } else {
                return Followup::Malformed;
            };
            match redaction.response(&whole, current, edited) {
                Ok(Shown::Untouched) => *edited = before,
                Ok(Shown::Rewritten { .. }) => {}
                Ok(Shown::Dropped { .. }) => return Followup::Drop,
                Err(_) => return Followup::Malformed,
            }
        }
        if edited.is_empty() { Followup::Pass } else { Followup::Rewritten }
    }

    /// What rules in monitor mode would have hidden of a response.
    fn would_hide(&mut self, head: &ResponseHead, message: &[u8]) -> Vec<Told> {
        let mut told = Vec::new();
        self.watched.retain(|(stage, redaction)| match redaction.response(head, message, &mut Vec::new()) {
            Ok(Shown::Rewritten { rule } | Shown::Dropped { rule }) => {
                told.push(Told { stage: *stage, rule, verdict: Verdict::Hidden, mode: Mode::Monitor, code: None });
                false
            }
            _ => true,
        });
        told
    }
}

impl crate::judging::UnderPolicy {
    /// How many entries a page may have: what is left of its search, or `limit` for a new one.
    fn left_for_page(&mut self, limit: u32, control: &[u8]) -> u32 {
        // What cannot be read has no page before it.
        let Some((_, cookie)) = paged_results(control).ok().filter(|(_, cookie)| !cookie.is_empty()) else {
            return limit;
        };
        match self.pages.iter().position(|pages| *pages.cookie == *cookie) {
            Some(place) => self.pages.remove(place).entries_left.min(limit),
            // A cookie that is not remembered may be of a search that has had its entries.
            None => 0,
        }
    }

    fn remember_page(&mut self, followed: &Followed, head: &ResponseHead, message: &[u8]) {
        let (Some(entries_left), true) = (followed.entries_left, followed.is_paged) else { return };
        let control = head.controls(message).find(oid::PAGED_RESULTS_OID);
        let Some((_, cookie)) = control.and_then(|control| paged_results(control.value.unwrap_or_default()).ok())
        else {
            return;
        };
        if !cookie.is_empty() {
            if self.pages.len() >= PAGES_MAX {
                self.pages.remove(0);
            }
            self.pages.push(Pages { cookie: cookie.into(), entries_left });
        }
    }
}
