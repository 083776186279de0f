//! A listener's sheet of the ledger: where its sessions count, and what they record in.

use std::sync::Arc;

use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::ResultCode;

use crate::book::Book;
use crate::families::Id;
use crate::meters::{Ended, Exemplar, Meters, Names, OPERATIONS, operation, result, version};

/// What one listener's sessions count in.
#[derive(Debug)]
pub struct Sheet {
    /// The records of the worker.
    pub book: Arc<Book>,
    meters: Arc<Meters>,
    connections: usize,
    connections_total: usize,
    failed_handshakes: usize,
    operations: usize,
    results: usize,
    durations: [usize; OPERATIONS.len()],
    overheads: [usize; OPERATIONS.len()],
    refusals: usize,
    bind_failures: usize,
    plaintext_binds: usize,
    bytes: [usize; 4],
    entries: usize,
    listener: usize,
}

/// An operation that ended.
#[derive(Debug, Clone, Copy)]
pub struct Finished {
    /// What it asked.
    pub kind: RequestKind,
    /// How it ended.
    pub ended: Ended,
    /// Whether the server's answer ended it.
    pub by_server: bool,
    /// From its arrival to its end.
    pub seconds: f64,
    /// The gateway's share of that.
    pub own_seconds: f64,
    /// How many entries it brought.
    pub entries: u32,
    /// The connection's number.
    pub connection: u64,
    /// Its message id.
    pub message_id: u32,
    /// When it ended, by the steady clock.
    pub at: f64,
}

/// Octets on the sockets of one session during one call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Octets {
    /// From the client.
    pub from_client: usize,
    /// To the client.
    pub to_client: usize,
    /// From the server.
    pub from_upstream: usize,
    /// To the server.
    pub to_upstream: usize,
}

impl Sheet {
    /// The sheet of a listener; none when there is none of this name.
    pub fn new(meters: &Arc<Meters>, book: &Arc<Book>, names: &Names, listener: &str) -> Option<Self> {
        let place = names.listeners.iter().position(|(name, ..)| name == listener)?;
        let (_, _, name) = names.listeners.get(place)?;
        let upstream = names.upstreams.iter().position(|(known, _)| known == name)?;
        let by_operation = |id, axis: Option<usize>| {
            core::array::from_fn(|kind| match axis {
                Some(first) => meters.word(id, &[first, kind]),
                None => meters.word(id, &[kind]),
            })
        };
        Some(Self {
            book: Arc::clone(book),
            connections: meters.word(Id::Connections, &[place]),
            connections_total: meters.word(Id::ConnectionsTotal, &[place]),
            failed_handshakes: meters.word(Id::TlsHandshakes, &[place, 0, 1]),
            operations: meters.word(Id::Operations, &[place, 0, 0]),
            results: meters.word(Id::Operations, &[0, 1, 0]).saturating_sub(meters.word(Id::Operations, &[0, 0, 0])),
            durations: by_operation(Id::OperationSeconds, Some(upstream)),
            overheads: by_operation(Id::OverheadSeconds, None),
            refusals: meters.word(Id::Refusals, &[0, 0]),
            bind_failures: meters.word(Id::BindFailures, &[place]),
            plaintext_binds: meters.word(Id::PlaintextBinds, &[place]),
            bytes: [[0, 0], [0, 1], [1, 0], [1, 1]].map(|places| meters.word(Id::Bytes, &places)),
            entries: meters.word(Id::Entries, &[upstream]),
            listener: place,
            meters: Arc::clone(meters),
        })
    }

    /// A client has come.
    pub fn connected(&self) {
        self.meters.add(self.connections_total, 1);
        self.meters.shift(self.connections, 1);
    }

    /// A client has come and may not stay.
    pub fn turned_away(&self) {
        self.meters.add(self.connections_total, 1);
    }

    /// A client that was counted elsewhere is counted here from now on.
    pub fn moved_here(&self) {
        self.meters.shift(self.connections, 1);
    }

    /// A client is gone, or counted elsewhere.
    pub fn disconnected(&self) {
        self.meters.shift(self.connections, -1);
    }

    /// A client's handshake is over; its version when it succeeded.
    pub fn handshake(&self, agreed: Option<&str>) {
        let word = match agreed {
            Some(agreed) => self.meters.word(Id::TlsHandshakes, &[self.listener, version(agreed), 0]),
            None => self.failed_handshakes,
        };
        self.meters.add(word, 1);
    }

    /// A bind with credentials came outside TLS.
    pub fn plaintext_bind(&self) {
        self.meters.add(self.plaintext_binds, 1);
    }

    /// The rule of this number decided other than to let pass, or would have.
    pub fn refused(&self, rule: usize, is_monitored: bool) {
        let row = rule.saturating_mul(2).saturating_add(usize::from(is_monitored));
        self.meters.add(self.refusals.saturating_add(row), 1);
    }

    /// Octets came and went.
    #[inline]
    pub fn octets(&self, octets: Octets) {
        let Octets { from_client, to_client, from_upstream, to_upstream } = octets;
        for (word, count) in self.bytes.iter().zip([from_client, to_client, from_upstream, to_upstream]) {
            if count > 0 {
                self.meters.add(*word, count as u64);
            }
        }
    }

    /// An operation ended.
    pub fn finished(&self, finished: &Finished) {
        let kind = operation(finished.kind);
        let row = kind.saturating_mul(self.results).saturating_add(result(finished.ended));
        self.meters.add(self.operations.saturating_add(row), 1);
        if let Some(word) = self.durations.get(kind).filter(|_| finished.by_server) {
            self.meters.observe(Id::OperationSeconds, *word, finished.seconds);
            let Finished { connection, message_id, seconds, at, .. } = *finished;
            self.meters.exemplify(*word, Exemplar { connection, message_id, seconds, at });
        }
        if let Some(word) = self.overheads.get(kind) {
            self.meters.observe(Id::OverheadSeconds, *word, finished.own_seconds);
        }
        if finished.entries > 0 {
            self.meters.add(self.entries, u64::from(finished.entries));
        }
        if let (RequestKind::Bind, Ended::Answered(code)) = (finished.kind, finished.ended)
            && !matches!(code, ResultCode::SUCCESS | ResultCode::SASL_BIND_IN_PROGRESS)
        {
            self.meters.add(self.bind_failures, 1);
        }
    }
}
