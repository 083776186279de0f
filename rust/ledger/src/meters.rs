//! The meters of one gateway: which word of the arena counts what, and what they say.
//!
//! A family has a row for each combination of values that its labels can have. All of them are known when the gateway
//! starts, so a row is a number, counting is an addition, and nothing that a client sends makes a new one.

use std::sync::Arc;

use ostiary_arena::{Arena, Layout};
use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::ResultCode;
use serde::Deserialize;

use crate::families::{FAMILIES, Family, Id, Kind};

/// The values of labels that depend on the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Listener, its TLS mode, its upstream.
    pub listeners: Vec<(String, String, String)>,
    /// Upstream and its servers.
    pub upstreams: Vec<(String, Vec<String>)>,
    /// The plugins whose hooks are asked.
    pub plugins: Vec<String>,
    /// Plugin and rule, by the rule's number; see `ostiary_policy::Policy::rules`.
    #[serde(skip)]
    pub rules: Vec<(String, String)>,
    /// What peers may do wrong.
    #[serde(skip)]
    pub violations: Vec<String>,
    /// Whether the last operation of each bucket is remembered.
    #[serde(default)]
    pub exemplars: bool,
}

/// How an operation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With this result code; one without a name counts as `unknown`.
    Answered(ResultCode),
    /// The client did not wait: it abandoned the request, or went.
    Abandoned,
    /// Nothing answers such a request.
    Unanswered,
}

/// Values of one or more labels that go together.
type Axis = Vec<Box<[Box<str>]>>;

/// A family's place in the arena.
#[derive(Debug)]
struct Laid {
    family: &'static Family,
    axes: Vec<Axis>,
    /// Its first word among the counts, or the gauges.
    first: usize,
    rows: usize,
    /// Words of a row.
    width: usize,
    /// Whether rows in which nothing was counted are left out, as there are hundreds.
    is_sparse: bool,
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A counter or gauge.
    Number(f64),
    /// A histogram: how many were in each bucket, and their sum in nanoseconds, which is the same in whatever order it is
    /// added up.
    Buckets(Vec<u64>, u64),
}

/// Nanoseconds as seconds: exact up to a quarter of a year.
#[expect(clippy::cast_precision_loss, reason = "exposition formats carry no more")]
pub fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// An operation that fell into a bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The connection's number.
    pub connection: u64,
    /// The message id.
    pub message_id: u32,
    /// What it took, seconds.
    pub seconds: f64,
    /// When it ended, by the steady clock.
    pub at: f64,
}

/// The meters of one gateway.
#[derive(Debug)]
pub struct Meters {
    arena: Arc<Arena>,
    laid: Vec<Laid>,
    exemplars: bool,
}

/// The operations, in the order of their rows.
pub const OPERATIONS: [(RequestKind, &str); 10] = [
    (RequestKind::Bind, "bind"),
    (RequestKind::Unbind, "unbind"),
    (RequestKind::Search, "search"),
    (RequestKind::Modify, "modify"),
    (RequestKind::Add, "add"),
    (RequestKind::Delete, "delete"),
    (RequestKind::ModifyDn, "modify_dn"),
    (RequestKind::Compare, "compare"),
    (RequestKind::Abandon, "abandon"),
    (RequestKind::Extended, "extended"),
];
/// What `result` says beside the names of codes.
const OTHER_RESULTS: [&str; 3] = ["unknown", "abandoned", "none"];
/// The versions of TLS that are spoken with clients, and none.
const VERSIONS: [&str; 3] = ["none", "1.2", "1.3"];
/// Where octets go.
const SIDES: [&str; 2] = ["client", "upstream"];
const DIRECTIONS: [&str; 2] = ["received", "sent"];

impl Meters {
    /// What the meters need of an arena.
    pub fn layout(names: &Names) -> Layout {
        let (mut counts, mut gauges) = (0_usize, 0_usize);
        for laid in lay(names) {
            let words = if laid.family.kind.is_gauge() { &mut gauges } else { &mut counts };
            *words = words.saturating_add(laid.words());
        }
        Layout { counts, gauges, ..Layout::default() }
    }

    /// The meters in an arena of that layout, or of one joined with others.
    pub fn new(names: &Names, arena: Arc<Arena>) -> Self {
        Self { arena, laid: lay(names), exemplars: names.exemplars }
    }

    /// What a worker had at the moment, and has no more: it has ended.
    pub fn forget_worker(&self, worker: usize) {
        self.arena.forget_worker(worker);
    }

    fn laid(&self, id: Id) -> Option<&Laid> {
        self.laid.get(id as usize)
    }

    /// The word of a row that the places in its axes name; past the end when there is none.
    pub fn word(&self, id: Id, places: &[usize]) -> usize {
        self.laid(id).map_or(usize::MAX, |laid| laid.word(places))
    }

    /// The word of a row by the values of its labels.
    pub fn find(&self, name: &str, values: &[&str]) -> Option<usize> {
        let laid = self.laid.iter().find(|laid| laid.family.name == name)?;
        let row =
            (0..laid.rows).find(|row| laid.values(*row).iter().map(|value| &**value).eq(values.iter().copied()))?;
        Some(laid.first.saturating_add(row.saturating_mul(laid.width)))
    }

    /// Counts.
    #[inline]
    pub fn add(&self, word: usize, by: u64) {
        self.arena.count(word, by);
    }

    /// One more, or one less, of what this worker has.
    #[inline]
    pub fn shift(&self, word: usize, by: i64) {
        self.arena.move_gauge(word, by);
    }

    /// Sets this worker's value of a gauge of which the greatest counts.
    pub fn put(&self, word: usize, value: f64) {
        self.arena.set_gauge(word, value.to_bits());
    }

    /// Adds a value to a histogram.
    #[inline]
    pub fn observe(&self, id: Id, word: usize, seconds: f64) {
        let Some(family) = id.family() else { return };
        let bucket = family.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(family.bounds.len());
        self.arena.count(word.saturating_add(bucket), 1);
        self.arena.count(word.saturating_add(family.bounds.len()).saturating_add(1), nanoseconds(seconds));
    }

    /// Remembers which operation it was that was observed, if such are remembered.
    pub fn exemplify(&self, word: usize, exemplar: Exemplar) {
        let Some(family) = Id::OperationSeconds.family().filter(|_| self.exemplars) else { return };
        let bounds = family.bounds;
        let bucket = bounds.iter().position(|bound| exemplar.seconds <= *bound).unwrap_or(bounds.len());
        let place = word.saturating_add(bounds.len()).saturating_add(2).saturating_add(bucket.saturating_mul(4));
        self.arena.set_count(place, exemplar.connection);
        self.arena.set_count(place.saturating_add(1), u64::from(exemplar.message_id));
        self.arena.set_count(place.saturating_add(2), nanoseconds(exemplar.seconds));
        self.arena.set_count(place.saturating_add(3), exemplar.at.to_bits());
    }

    /// Everything that was counted: family, values of its labels, value. Rows of operations that never happened are
    /// left out.
    pub fn samples(&self) -> Vec<(&'static str, Vec<Box<str>>, Value)> {
        let mut found = Vec::new();
        for laid in &self.laid {
            for row in 0..laid.rows {
                let word = laid.first.saturating_add(row.saturating_mul(laid.width));
                let value = self.value(laid, word);
                let is_nothing = match &value {
                    Value::Number(number) => number.abs() < f64::EPSILON,
                    Value::Buckets(counts, _) => counts.iter().all(|count| *count == 0),
                };
                if !(laid.is_sparse && is_nothing) {
                    found.push((laid.family.name, laid.values(row), value));
                }
            }
        }
        found
    }

    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which is what exposition formats carry")]
    fn value(&self, laid: &Laid, word: usize) -> Value {
        match laid.family.kind {
            Kind::Counter => Value::Number(self.count(word) as f64),
            Kind::Sum => Value::Number(self.arena.read_gauge(word).map(u64::cast_signed).sum::<i64>() as f64),
            Kind::Greatest => Value::Number(self.arena.read_gauge(word).map(f64::from_bits).fold(0.0, f64::max)),
            Kind::Histogram => {
                let bounds = laid.family.bounds;
                let counts: Vec<u64> =
                    (0..=bounds.len()).map(|bucket| self.count(word.saturating_add(bucket))).collect();
                let behind = word.saturating_add(bounds.len()).saturating_add(1);
                Value::Buckets(counts, self.count(behind))
            }
        }
    }

    fn count(&self, word: usize) -> u64 {
        self.arena.read_count(word).fold(0, u64::wrapping_add)
    }

    /// An operation of each bucket that has one: values of the histogram's labels, bucket, operation. None where they
    /// are not remembered.
    pub fn exemplars(&self) -> Vec<(Vec<Box<str>>, usize, Exemplar)> {
        let Some(laid) = self.laid(Id::OperationSeconds).filter(|_| self.exemplars) else { return Vec::new() };
        let bounds = laid.family.bounds;
        let mut found = Vec::new();
        for row in 0..laid.rows {
            let word = laid.first.saturating_add(row.saturating_mul(laid.width));
            let first = word.saturating_add(bounds.len()).saturating_add(2);
            for bucket in 0..=bounds.len() {
                found.extend(self.exemplar(bounds, bucket, first).map(|one| (laid.values(row), bucket, one)));
            }
        }
        found
    }

    #[expect(clippy::cast_precision_loss, reason = "a duration")]
    fn exemplar(&self, bounds: &[f64], bucket: usize, first: usize) -> Option<Exemplar> {
        let word = first.saturating_add(bucket.saturating_mul(4));
        // Each worker has its own; the latest that belongs into the bucket is told.
        let field = |offset: usize| self.arena.read_count(word.saturating_add(offset));
        let told = field(0).zip(field(1)).zip(field(2).zip(field(3))).map(|((connection, message), (seconds, at))| {
            let message_id = u32::try_from(message).unwrap_or_default();
            Exemplar { connection, message_id, seconds: seconds as f64 / 1e9, at: f64::from_bits(at) }
        });
        let above = bucket.checked_sub(1).and_then(|below| bounds.get(below)).copied().unwrap_or(0.0);
        let fits = |seconds: f64| seconds > above && bounds.get(bucket).is_none_or(|bound| seconds <= *bound);
        told.filter(|one| one.connection != 0 && fits(one.seconds)).max_by(|one, other| one.at.total_cmp(&other.at))
    }
}

impl Laid {
    fn words(&self) -> usize {
        self.rows.saturating_mul(self.width)
    }

    fn word(&self, places: &[usize]) -> usize {
        let mut row = 0_usize;
        for (axis, place) in self.axes.iter().zip(places) {
            if *place >= axis.len() {
                return usize::MAX;
            }
            row = row.saturating_mul(axis.len()).saturating_add(*place);
        }
        self.first.saturating_add(row.saturating_mul(self.width))
    }

    /// The values of a row's labels.
    fn values(&self, row: usize) -> Vec<Box<str>> {
        let mut found = Vec::new();
        let mut rest = row;
        for axis in self.axes.iter().rev() {
            let place = rest.checked_rem(axis.len()).unwrap_or(0);
            rest = rest.checked_div(axis.len()).unwrap_or(0);
            found.splice(0..0, axis.get(place).into_iter().flat_map(|values| values.iter().cloned()));
        }
        found
    }
}

/// The place of a kind of request among the rows of operations.
#[inline]
pub fn operation(kind: RequestKind) -> usize {
    OPERATIONS.iter().position(|(known, _)| *known == kind).unwrap_or(OPERATIONS.len())
}

/// The place of an end among the rows of results.
#[inline]
pub fn result(ended: Ended) -> usize {
    let named = ResultCode::NAMED;
    let behind = match ended {
        Ended::Answered(code) => match named.iter().position(|(known, _)| *known == code) {
            Some(place) => return place,
            None => 0,
        },
        Ended::Abandoned => 1,
        Ended::Unanswered => 2,
    };
    named.len().saturating_add(behind)
}

/// The place of a TLS version.
pub fn version(word: &str) -> usize {
    VERSIONS.iter().position(|known| *known == word).unwrap_or(0)
}

fn lay(names: &Names) -> Vec<Laid> {
    let (mut counts, mut gauges) = (0_usize, 0_usize);
    let mut laid = Vec::new();
    for (id, family) in Id::ALL.iter().copied().zip(FAMILIES) {
        let axes = axes(names, id);
        let rows = axes.iter().fold(1_usize, |rows, axis| rows.saturating_mul(axis.len()));
        let remembered = names.exemplars && id == Id::OperationSeconds;
        let buckets = family.bounds.len().saturating_add(1);
        let width = match family.kind {
            Kind::Histogram if remembered => buckets.saturating_mul(5).saturating_add(1),
            Kind::Histogram => buckets.saturating_add(1),
            _ => 1,
        };
        let first = if family.kind.is_gauge() { &mut gauges } else { &mut counts };
        let is_sparse = matches!(id, Id::Operations | Id::TlsHandshakes) || family.kind == Kind::Histogram;
        let one = Laid { family, axes, first: *first, rows, width, is_sparse };
        *first = first.saturating_add(one.words());
        laid.push(one);
    }
    laid
}

/// The axes of a family.
fn axes(names: &Names, id: Id) -> Vec<Axis> {
    let one = |value: &str| -> Box<[Box<str>]> { Box::from([Box::from(value)]) };
    let two = |first: &str, second: &str| -> Box<[Box<str>]> { Box::from([Box::from(first), Box::from(second)]) };
    let words = |words: &[&str]| -> Axis { words.iter().map(|word| one(word)).collect() };
    let strings = |words: &[String]| -> Axis { words.iter().map(|word| one(word)).collect() };
    let listeners = || -> Axis { names.listeners.iter().map(|(name, ..)| one(name)).collect() };
    let upstreams = || -> Axis { names.upstreams.iter().map(|(name, _)| one(name)).collect() };
    let servers = || -> Axis {
        let pairs = |(upstream, servers): &(String, Vec<String>)| -> Axis {
            servers.iter().map(|server| two(upstream, server)).collect()
        };
        names.upstreams.iter().flat_map(pairs).collect()
    };
    let operations = || -> Axis { OPERATIONS.iter().map(|(_, word)| one(word)).collect() };
    let results = || -> Axis {
        ResultCode::NAMED.iter().map(|(_, name)| one(name)).chain(OTHER_RESULTS.iter().map(|word| one(word))).collect()
    };
    match id {
        Id::ConnectionsTotal => vec![names.listeners.iter().map(|(name, mode, _)| two(name, mode)).collect()],
        Id::Connections | Id::BindFailures | Id::PlaintextBinds => vec![listeners()],
        Id::TlsHandshakes => vec![listeners(), words(&VERSIONS), words(&["success", "failure"])],
        Id::Operations => {
            let pairs = names.listeners.iter().map(|(name, _, upstream)| two(name, upstream)).collect();
            vec![pairs, operations(), results()]
        }
        Id::OperationSeconds => vec![upstreams(), operations()],
        Id::OverheadSeconds => vec![operations()],
        Id::Refusals => {
            let rules = names.rules.iter().map(|(plugin, rule)| two(plugin, rule)).collect();
            vec![rules, words(&["enforce", "monitor"])]
        }
        Id::Violations => vec![words(&SIDES), strings(&names.violations)],
        Id::Bytes => vec![words(&SIDES), words(&DIRECTIONS)],
        Id::Entries => vec![upstreams()],
        Id::UpstreamConnections => vec![servers(), words(&["dialling", "ready"])],
        Id::PluginSeconds | Id::PluginErrors => vec![strings(&names.plugins)],
        Id::ConfigReloads => vec![words(&["success", "failure"])],
        Id::WorkerRestarts | Id::LoopLag | Id::AuditRecords | Id::AuditLost => Vec::new(),
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float cast saturates")]
pub(crate) fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            listeners: vec![
                ("ldaps".into(), "ldaps".into(), "directory".into()),
                ("plain".into(), "none".into(), "directory".into()),
            ],
            upstreams: vec![("directory".into(), vec!["ldap://a".into(), "ldap://b".into()])],
            plugins: vec!["desk".into()],
            rules: vec![("list".into(), "default".into()), ("list".into(), "wiki".into())],
            violations: vec!["bad_framing".into()],
            exemplars: true,
        }
    }

    fn meters(names: &Names) -> Meters {
        let layout = Layout { workers: 2, ..Meters::layout(names) };
        Meters::new(names, Arc::new(Arena::new([1; 16], layout)))
    }

    fn values(meters: &Meters, name: &str) -> Vec<(String, Value)> {
        let samples = meters.samples().into_iter().filter(|(family, ..)| *family == name);
        samples.map(|(_, values, value)| (values.join(","), value)).collect()
    }

    #[test]
    fn every_row_has_words_of_its_own() {
        let names = names();
        let meters = meters(&names);
        let mut seen = std::collections::HashSet::new();
        for laid in &meters.laid {
            for row in 0..laid.rows {
                let values = laid.values(row);
                assert_eq!(values.len(), laid.family.labels.len(), "{}", laid.family.name);
                let found: Vec<&str> = values.iter().map(|value| &**value).collect();
                let word = meters.find(laid.family.name, &found).unwrap();
                for offset in 0..laid.width {
                    assert!(seen.insert((laid.family.kind.is_gauge(), word + offset)), "{}", laid.family.name);
                }
            }
        }
        let layout = Meters::layout(&names);
        assert_eq!(seen.len(), layout.counts + layout.gauges);
    }

    #[test]
    fn operations_are_counted_where_their_labels_say() {
        let meters = meters(&names());
        let code = result(Ended::Answered(ResultCode::NO_SUCH_OBJECT));
        let word = meters.word(Id::Operations, &[1, operation(RequestKind::Search), code]);
        assert_eq!(
            meters.find("ostiary_operations_total", &["plain", "directory", "search", "noSuchObject"]),
            Some(word)
        );
        meters.add(word, 3);
        meters.add(meters.word(Id::Operations, &[0, 0, result(Ended::Answered(ResultCode(9_999)))]), 1);
        let expected = vec![
            ("ldaps,directory,bind,unknown".to_owned(), Value::Number(1.0)),
            ("plain,directory,search,noSuchObject".to_owned(), Value::Number(3.0)),
        ];
        assert_eq!(values(&meters, "ostiary_operations_total"), expected);
        // Past the end nothing is counted, nor anything else.
        meters.add(meters.word(Id::Operations, &[2, 0, 0]), 1);
        assert_eq!(values(&meters, "ostiary_operations_total"), expected);
    }

    #[test]
    fn histograms_have_counts_by_bucket_a_sum_and_an_example() {
        let meters = meters(&names());
        let word = meters.word(Id::OperationSeconds, &[0, operation(RequestKind::Bind)]);
        for seconds in [0.0005, 0.0006, 99.0] {
            meters.observe(Id::OperationSeconds, word, seconds);
            meters.exemplify(word, Exemplar { connection: 7, message_id: 3, seconds, at: 5.0 });
        }
        let found = values(&meters, "ostiary_operation_duration_seconds");
        let [(labels, Value::Buckets(counts, sum))] = &found[..] else { panic!("{found:?}") };
        assert_eq!(labels, "directory,bind");
        assert_eq!((counts[0], counts[1], counts[15], counts.iter().sum::<u64>()), (1, 1, 1, 3));
        assert_eq!(*sum, 99_001_100_000);
        let exemplars: Vec<_> = meters.exemplars().into_iter().map(|(_, bucket, one)| (bucket, one)).collect();
        let one = |seconds| Exemplar { connection: 7, message_id: 3, seconds, at: 5.0 };
        assert_eq!(exemplars, [(0, one(0.0005)), (1, one(0.0006)), (15, one(99.0))]);
    }

    #[test]
    fn gauges_add_up_or_give_the_greatest() {
        let meters = meters(&names());
        meters.shift(meters.word(Id::Connections, &[1]), 2);
        meters.shift(meters.word(Id::Connections, &[1]), -1);
        meters.put(meters.word(Id::LoopLag, &[]), 0.25);
        let told = values(&meters, "ostiary_connections");
        assert_eq!(told, vec![("ldaps".to_owned(), Value::Number(0.0)), ("plain".to_owned(), Value::Number(1.0))]);
        assert_eq!(values(&meters, "ostiary_event_loop_lag_seconds"), vec![(String::new(), Value::Number(0.25))]);
    }
}
