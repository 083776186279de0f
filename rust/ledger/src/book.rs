//! What one worker keeps beside its meters: the audit's records until they are fetched, and who asks most.

#![expect(
    clippy::disallowed_types,
    reason = "shared by the sessions of one worker, which one thread runs: nobody waits"
)]

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ostiary_ldap::message::Request;

use crate::audit::{Audit, AuditSpec, Format, Part, SamplingSpec};
use crate::records::Records;
use crate::top::{Place, Top};

/// Octets of records for tracing that wait: a few thousand operations.
const TRACES_BYTES: usize = 1 << 20;
const TRACES: AuditSpec = AuditSpec {
    format: Format::Json,
    filter_values: false,
    secret_attributes: Vec::new(),
    sampling: SamplingSpec { search: 1.0, compare: 1.0 },
    buffer_bytes: TRACES_BYTES,
    syslog: None,
};

/// The records and names of one worker.
pub struct Book {
    pages: Mutex<Pages>,
    traces: Option<Mutex<Traces>>,
    has_records: bool,
    /// What to add to the steady clock for the time of day, as the bits of a float.
    wall: AtomicU64,
}

/// What is written in the book. It is opened once for all that a call has to write.
pub struct Pages {
    /// What is recorded; none where nothing is.
    pub records: Option<Records>,
    clients: Top,
    identities: Top,
}

/// The records of a share of all operations, for tracing: as the audit's, in JSON, whatever that has.
struct Traces {
    records: Audit,
    /// The share of the numbers up to 2^64.
    below: u64,
}

/// Where a client's names stand among those that ask most.
#[derive(Debug, Default, Clone, Copy)]
pub struct Places {
    client: Option<Place>,
    identity: Option<Place>,
}

impl Places {
    /// The client is somebody else now.
    pub fn forget_identity(&mut self) {
        self.identity = None;
    }
}

impl Book {
    /// A book with an audit, if one is asked for. The error says what is wrong with it.
    ///
    /// Of all operations, `share` is recorded for tracing.
    pub fn new(audit: Option<&AuditSpec>, share: Option<f64>) -> Result<Self, String> {
        let records = audit.map(Records::compile).transpose()?;
        let has_records = records.is_some();
        let pages = Mutex::new(Pages { records, clients: Top::new(), identities: Top::new() });
        let traces = match share {
            None => None,
            Some(share) => Some(Mutex::new(Traces { records: Audit::compile(&TRACES)?, below: part_of_all(share) })),
        };
        Ok(Self { pages, traces, has_records, wall: AtomicU64::default() })
    }

    /// What the records for tracing say of a request, if it is one of the share.
    ///
    /// Not every n-th is: what clients do at regular times would be met always or never.
    pub fn trace(&self, connection: u64, request: &Request<'_>) -> Option<Part> {
        let mut traces = locked(self.traces.as_ref()?);
        let is_due = scattered(connection.rotate_left(32) ^ u64::from(request.message_id)) <= traces.below;
        is_due.then(|| traces.records.request(request))
    }

    /// Calls with what records for tracing.
    pub fn tracing<R>(&self, call: impl FnOnce(&mut Audit) -> R) -> Option<R> {
        self.traces.as_ref().map(|traces| call(&mut locked(traces).records))
    }

    /// Opens it.
    pub fn open(&self) -> MutexGuard<'_, Pages> {
        locked(&self.pages)
    }

    /// Whether anything is recorded.
    pub fn has_records(&self) -> bool {
        self.has_records
    }

    /// Says what to add to the steady clock for seconds since 1970.
    pub fn set_wall(&self, offset: f64) {
        self.wall.store(offset.to_bits(), Ordering::Relaxed);
    }

    /// Seconds since 1970 at a time of the steady clock.
    pub fn wall(&self, now: f64) -> f64 {
        now + f64::from_bits(self.wall.load(Ordering::Relaxed))
    }
}

impl Pages {
    /// Counts one operation for a client and an identity. The names are asked for only when they have no place.
    pub fn bump(&mut self, places: &mut Places, client: impl FnOnce() -> String, identity: impl FnOnce() -> String) {
        count(&mut self.clients, &mut places.client, client);
        count(&mut self.identities, &mut places.identity, identity);
    }

    /// The clients and the identities that asked most.
    pub fn most(&self, n: usize) -> [Vec<(String, u64)>; 2] {
        [&self.clients, &self.identities]
            .map(|top| top.most(n).into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
    }
}

/// A number that looks as if it had nothing to do with the one it is made of (the finish of `SplitMix64`).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
fn part_of_all(share: f64) -> u64 {
    // 2^64.
    (share * 18_446_744_073_709_551_616.0) as u64
}

fn count(top: &mut Top, place: &mut Option<Place>, name: impl FnOnce() -> String) {
    if place.is_some_and(|place| top.bump(place)) {
        return;
    }
    let taken = top.take(&name());
    // It was taken this moment, so nobody else has it.
    let _ = top.bump(taken);
    *place = Some(taken);
}

/// Nothing here can be half changed by a panic that would matter to others.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl core::fmt::Debug for Book {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Book").field("has_records", &self.has_records).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_all_operations_is_traced() {
        let below = part_of_all(0.1);
        let traced = (0..10_000_u64).filter(|number| scattered(number.rotate_left(32) ^ 7) <= below).count();
        assert!((900..1_100).contains(&traced), "{traced}");
        assert_eq!((part_of_all(1.0), part_of_all(0.0)), (u64::MAX, 0));
    }

    #[test]
    fn names_are_asked_for_once_and_counted_each_time() {
        let book = Book::new(None, None).unwrap();
        let mut places = Places::default();
        let mut asked = 0;
        for _ in 0..3 {
            book.open().bump(
                &mut places,
                || {
                    asked += 1;
                    "192.0.2.1".to_owned()
                },
                || "cn=a".to_owned(),
            );
        }
        places.forget_identity();
        book.open().bump(&mut places, String::new, || "cn=b".to_owned());
        assert_eq!(asked, 1);
        let expected = [vec![("192.0.2.1".to_owned(), 4)], vec![("cn=a".to_owned(), 3), ("cn=b".to_owned(), 1)]];
        assert_eq!(book.open().most(5), expected);
    }
}
