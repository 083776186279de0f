//! `Shared`, `Meters` and `Hold` as Python classes: converts, and holds no logic.

use std::hash::Hasher;
use std::io;
use std::sync::Arc;

use ostiary_arena::{Acquired, Arena, Hold, Layout};
use ostiary_ledger::families::Id;
use ostiary_ledger::meters::{Exemplar, Value};
use ostiary_ledger::{Book, FAMILIES, Kind, Meters, Names};
use ostiary_policy::Policy;
use ostiary_session::ViolationKind;
use pyo3::exceptions::{PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::policy::{PyPolicy, first_fault, read};

/// See `_core.pyi`.
#[pyclass(frozen, name = "Shared", module = "ostiary._core")]
pub struct PyShared {
    arena: Arc<Arena>,
    policy: Option<Arc<Policy>>,
    meters: Arc<Meters>,
    names: Arc<Names>,
    book: Arc<Book>,
}

#[pymethods]
impl PyShared {
    #[new]
    #[pyo3(signature = (
        key, names, *, policy = None, audit = None, traced = None, workers = 1, worker = 0, descriptor = None, counters = 0
    ))]
    #[expect(clippy::too_many_arguments, reason = "one call, by keywords")]
    fn new(
        key: [u8; 16],
        names: &str,
        policy: Option<&str>,
        audit: Option<&str>,
        traced: Option<f64>,
        workers: usize,
        worker: usize,
        descriptor: Option<i32>,
        counters: usize,
    ) -> PyResult<Self> {
        let mut names: Names =
            serde_json::from_str(names).map_err(|error| PyValueError::new_err(format!("names: {error}")))?;
        names.violations = ViolationKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
        let own = Layout { counters, workers, ..Layout::default() };
        let mut lay_out = |needed: Layout, rules: Vec<(&str, &str)>| {
            names.rules = rules.into_iter().map(|(plugin, rule)| (plugin.to_owned(), rule.to_owned())).collect();
            let layout = own.joined(needed).joined(Meters::layout(&names));
            match descriptor {
                Some(descriptor) => Arena::map(descriptor, key, layout, worker),
                None => Ok(Arena::new(key, layout)),
            }
        };
        let mut arena = Err(io::Error::from(io::ErrorKind::InvalidInput));
        let policy = match policy {
            None => {
                arena = lay_out(Layout::default(), Vec::new()).map(Arc::new);
                None
            }
            Some(spec) => {
                let compiled = Policy::compile_in(&read(spec)?, |needed, rules| {
                    arena = lay_out(needed, rules).map(Arc::new);
                    // Where there is none, the policy is dropped below.
                    arena.as_ref().map_or_else(|_| Arc::new(Arena::new(key, Layout::default())), Arc::clone)
                });
                Some(Arc::new(compiled.map_err(|faults| first_fault(&faults))?))
            }
        };
        let arena = arena.map_err(|error| PyOSError::new_err(error.to_string()))?;
        let meters = Arc::new(Meters::new(&names, Arc::clone(&arena)));
        let wrong = |error: serde_json::Error| PyValueError::new_err(format!("audit: {error}"));
        let spec = audit.map(serde_json::from_str).transpose().map_err(wrong)?;
        let book = Book::new(spec.as_ref(), traced).map_err(PyValueError::new_err)?;
        Ok(Self { arena, policy, meters, names: Arc::new(names), book: Arc::new(book) })
    }

    #[getter]
    fn policy(&self) -> Option<PyPolicy> {
        self.policy.as_ref().map(|policy| PyPolicy(Arc::clone(policy)))
    }

    #[getter]
    fn meters(&self) -> PyMeters {
        PyMeters(Arc::clone(&self.meters))
    }

    /// A number for a connection, that no other of any worker has had.
    fn next_connection(&self) -> u64 {
        self.meters.next_connection()
    }

    /// Records that are to be written, how many they are, and how many were lost for want of room.
    fn drain<'py>(&self, py: Python<'py>) -> (Bound<'py, PyBytes>, u64, u64) {
        let drained = self.book.records().map(|mut records| records.drain());
        let (octets, records, lost) = drained.unwrap_or_default();
        (PyBytes::new(py, &octets), records, lost)
    }

    /// The same for tracing; what is lost is not told.
    fn drain_traces<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let drained = self.book.tracing(|records| {
            let _ = records.take_lost();
            records.drain().0
        });
        PyBytes::new(py, &drained.unwrap_or_default())
    }

    fn set_wall(&self, offset: f64) {
        self.book.set_wall(offset);
    }

    /// The clients and the identities that asked most.
    fn most(&self, count: usize) -> [Vec<(String, u64)>; 2] {
        self.book.most(count)
    }

    /// What a worker had in use that has ended.
    fn forget_worker(&self, worker: usize) {
        self.arena.forget_worker(worker);
    }

    /// One of what `name` may have `limit` of.
    fn acquire(&self, name: &[u8], limit: u32) -> Option<PyHold> {
        let mut hasher = self.arena.hasher();
        hasher.write(b"acquired");
        hasher.write(name);
        match self.arena.acquire(hasher.key(), limit) {
            Acquired::Held(hold) => Some(PyHold { arena: Arc::clone(&self.arena), hold: Some(hold) }),
            Acquired::Full | Acquired::Crowded => None,
        }
    }
}

impl PyShared {
    pub fn sheet(&self, listener: &str) -> Option<ostiary_ledger::Sheet> {
        ostiary_ledger::Sheet::new(&self.meters, &self.book, &self.names, listener)
    }
}

/// See `_core.pyi`.
#[pyclass(name = "Hold", module = "ostiary._core")]
pub struct PyHold {
    arena: Arc<Arena>,
    hold: Option<Hold>,
}

#[pymethods]
impl PyHold {
    fn release(&mut self) {
        if let Some(hold) = self.hold.take() {
            self.arena.release(hold);
        }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "Meters", module = "ostiary._core")]
pub struct PyMeters(Arc<Meters>);

/// Name, type, names of labels, help, bounds.
type PyFamily = (&'static str, &'static str, Vec<&'static str>, &'static str, Vec<f64>);
/// Values of labels, bucket, connection, message id, seconds, when.
type PyExemplar = (Vec<String>, usize, u64, u32, f64, f64);

/// A number, or a histogram's counts and sum.
#[derive(IntoPyObject)]
enum PyValue {
    Number(f64),
    Buckets((Vec<u64>, f64)),
}

#[pymethods]
impl PyMeters {
    #[staticmethod]
    fn families() -> Vec<PyFamily> {
        let told = FAMILIES.iter();
        told.map(|one| (one.name, one.kind.word(), one.labels.to_vec(), one.help, one.bounds.to_vec())).collect()
    }

    fn samples(&self) -> Vec<(&'static str, Vec<String>, PyValue)> {
        let value = |value| match value {
            Value::Number(number) => PyValue::Number(number),
            Value::Buckets(counts, sum) => PyValue::Buckets((counts, sum)),
        };
        self.0.samples().into_iter().map(|(name, values, one)| (name, strings(values), value(one))).collect()
    }

    fn exemplars(&self) -> Vec<PyExemplar> {
        let told = |(values, bucket, one): (Vec<Box<str>>, usize, Exemplar)| {
            (strings(values), bucket, one.connection, one.message_id, one.seconds, one.at)
        };
        self.0.exemplars().into_iter().map(told).collect()
    }

    #[pyo3(signature = (family, *labels))]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 converts into owned values")]
    fn meter(&self, family: &str, labels: Vec<String>) -> PyResult<(usize, usize)> {
        let values: Vec<&str> = labels.iter().map(String::as_str).collect();
        let place = FAMILIES.iter().position(|one| one.name == family);
        let found = place.zip(self.0.find(family, &values));
        found.ok_or_else(|| PyKeyError::new_err(format!("{family}{{{}}}", labels.join(", "))))
    }

    /// Adds to a counter, or to a gauge of this worker's.
    #[pyo3(signature = (meter, by = 1))]
    fn add(&self, meter: (usize, usize), by: i64) {
        let (family, word) = meter;
        match FAMILIES.get(family).map(|one| one.kind) {
            Some(Kind::Counter) => self.0.add(word, u64::try_from(by).unwrap_or(0)),
            Some(Kind::Sum) => self.0.shift(word, by),
            _ => {}
        }
    }

    fn put(&self, meter: (usize, usize), value: f64) {
        if FAMILIES.get(meter.0).is_some_and(|one| one.kind == Kind::Greatest) {
            self.0.put(meter.1, value);
        }
    }

    fn observe(&self, meter: (usize, usize), seconds: f64) {
        if let Some(id) = Id::ALL.get(meter.0) {
            self.0.observe(*id, meter.1, seconds);
        }
    }
}

fn strings(values: Vec<Box<str>>) -> Vec<String> {
    values.into_iter().map(String::from).collect()
}

/// The fields of records: names in json, ecs and cef, and what they mean.
#[pyfunction]
pub fn audit_fields() -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
    ostiary_ledger::audit_fields().collect()
}
