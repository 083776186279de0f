//! `Shared`, `Meters`, `Totals` and `Hold` as Python classes: converts, and holds no logic.

use std::hash::Hasher;
use std::sync::Arc;

use ostiary_arena::{Acquired, Arena, Hold, Layout};
use ostiary_ledger::families::Id;
use ostiary_ledger::meters::{Exemplar, Value, seconds};
use ostiary_ledger::records::Records;
use ostiary_ledger::shared::{Memory, Refused, Seat, Wanted};
use ostiary_ledger::{AUDIT_FIELDS, Book, FAMILIES, Kind, Meters, Names, Shared, Stopwatch, Totals};
use ostiary_session::ViolationKind;
use pyo3::exceptions::{PyKeyError, PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::hooks::PyStopwatch;
use crate::policy::{PyPolicy, first_fault, read};

/// See `_core.pyi`.
#[pyclass(frozen, name = "Shared", module = "ostiary._core")]
pub struct PyShared(Shared);

/// Entries of each table: buckets, counters, failures, refusals.
type PyLayout = (usize, usize, usize, usize);

#[pymethods]
impl PyShared {
    #[new]
    #[pyo3(signature = (
        key, names, *, policy = None, audit = None, traced = None, workers = 1, worker = 0, counters = 0,
        layout = None, tables = None, meters = None
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
        counters: usize,
        layout: Option<PyLayout>,
        tables: Option<i32>,
        meters: Option<i32>,
    ) -> PyResult<Self> {
        let wrong = |error: serde_json::Error| PyValueError::new_err(format!("audit: {error}"));
        let spec = audit.map(serde_json::from_str).transpose().map_err(wrong)?;
        let book = Book::new(spec.as_ref(), traced).map_err(PyValueError::new_err)?;
        let layout = layout.map(|(buckets, counters, failures, refusals)| Layout {
            buckets,
            counters,
            failures,
            refusals,
            ..Layout::default()
        });
        let seat = Seat { secret: key, workers, worker };
        let memory = Memory { tables, meters };
        wanted(names, policy, counters, |wanted| Shared::new(seat, wanted, layout, book, memory)).map(Self)
    }

    #[pyo3(signature = (names, *, policy = None, counters = 0))]
    fn needs(&self, names: &str, policy: Option<&str>, counters: usize) -> PyResult<(bool, bool)> {
        wanted(names, policy, counters, |wanted| self.0.needs(wanted))
    }

    #[pyo3(signature = (names, *, policy = None, counters = 0, tables = None, meters = None))]
    fn renewed(
        &self,
        names: &str,
        policy: Option<&str>,
        counters: usize,
        tables: Option<i32>,
        meters: Option<i32>,
    ) -> PyResult<Self> {
        wanted(names, policy, counters, |wanted| self.0.renewed(wanted, Memory { tables, meters })).map(Self)
    }

    #[getter]
    fn layout(&self) -> PyLayout {
        let Layout { buckets, counters, failures, refusals, .. } = self.0.layout();
        (buckets, counters, failures, refusals)
    }

    #[getter]
    fn policy(&self) -> Option<PyPolicy> {
        self.0.policy().map(|policy| PyPolicy(Arc::clone(policy)))
    }

    #[getter]
    fn meters(&self) -> PyMeters {
        PyMeters(Arc::clone(self.0.meters()))
    }

    /// A number for a connection, that no other of any worker has had.
    fn next_connection(&self) -> u64 {
        self.0.next_connection()
    }

    /// Records that are to be written, how many they are, and how many were lost for want of room.
    fn drain<'py>(&self, py: Python<'py>) -> (Bound<'py, PyBytes>, u64, u64) {
        let drained = self.0.book().open().records.as_mut().map(Records::drain);
        let (octets, records, lost) = drained.unwrap_or_default();
        (PyBytes::new(py, &octets), records, lost)
    }

    /// The same for tracing; what is lost is not told.
    fn drain_traces<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let drained = self.0.book().tracing(|records| {
            let _ = records.take_lost();
            records.drain().0
        });
        PyBytes::new(py, &drained.unwrap_or_default())
    }

    fn set_wall(&self, offset: f64) {
        self.0.book().set_wall(offset);
    }

    /// The clients and the identities that asked most.
    fn most(&self, count: usize) -> [Vec<(String, u64)>; 2] {
        self.0.book().open().most(count)
    }

    /// What a worker had in use that has ended.
    fn forget_worker(&self, worker: usize) {
        self.0.tables().forget_worker(worker);
        self.0.meters().forget_worker(worker);
    }

    /// One of what `name` may have `limit` of.
    fn acquire(&self, name: &[u8], limit: u32) -> Option<PyHold> {
        let tables = self.0.tables();
        let mut hasher = tables.hasher();
        hasher.write(b"acquired");
        hasher.write(name);
        match tables.acquire(hasher.key(), limit) {
            Acquired::Held(hold) => Some(PyHold { arena: Arc::clone(tables), hold: Some(hold) }),
            Acquired::Full | Acquired::Crowded => None,
        }
    }
}

impl PyShared {
    pub fn sheet(&self, listener: &str) -> Option<ostiary_ledger::Sheet> {
        self.0.sheet(listener)
    }
}

/// Reads what a configuration asks for, and calls with it.
fn wanted<T>(
    names: &str,
    policy: Option<&str>,
    counters: usize,
    call: impl FnOnce(Wanted<'_>) -> Result<T, Refused>,
) -> PyResult<T> {
    let mut names: Names =
        serde_json::from_str(names).map_err(|error| PyValueError::new_err(format!("names: {error}")))?;
    names.violations = ViolationKind::ALL.iter().map(|kind| kind.word().to_owned()).collect();
    let spec = policy.map(read).transpose()?;
    call(Wanted { names: &names, policy: policy.zip(spec.as_ref()), counters }).map_err(|refused| match refused {
        Refused::Policy(faults) => first_fault(&faults),
        Refused::Memory(error) => PyOSError::new_err(error.to_string()),
    })
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
/// Family, values of labels, value.
type PySample = (&'static str, Vec<String>, PyValue);
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

    fn samples(&self) -> Vec<PySample> {
        samples(self.0.samples())
    }

    fn exemplars(&self) -> Vec<PyExemplar> {
        exemplars(self.0.exemplars())
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

    fn stopwatch(&self, meter: (usize, usize), before: &PyStopwatch) -> PyResult<PyStopwatch> {
        let id = Id::ALL.get(meter.0).ok_or_else(|| PyKeyError::new_err(meter.0))?;
        Ok(PyStopwatch(Stopwatch::shown(&before.0, &self.0, *id, meter.1)))
    }
}

/// See `_core.pyi`.
#[pyclass(name = "Totals", module = "ostiary._core")]
pub struct PyTotals(Totals);

#[pymethods]
impl PyTotals {
    #[new]
    fn new(number: u64, shared: &PyShared) -> Self {
        Self(Totals::new(number, Arc::clone(shared.0.meters())))
    }

    fn succeed(&mut self, number: u64, shared: &PyShared) {
        self.0.succeed(number, Arc::clone(shared.0.meters()));
    }

    #[getter]
    fn in_use(&self) -> Vec<u64> {
        self.0.in_use()
    }

    #[getter]
    fn earlier(&self) -> usize {
        self.0.earlier()
    }

    #[expect(clippy::needless_pass_by_value, reason = "PyO3 converts into owned values")]
    fn fold(&mut self, in_use: Vec<u64>) {
        self.0.fold(&in_use);
    }

    fn forget_worker(&self, worker: usize) {
        self.0.forget_worker(worker);
    }

    fn samples(&self) -> Vec<PySample> {
        samples(self.0.samples())
    }

    fn exemplars(&self) -> Vec<PyExemplar> {
        exemplars(self.0.exemplars())
    }
}

fn samples(found: Vec<(&'static str, Vec<Box<str>>, Value)>) -> Vec<PySample> {
    let value = |value| match value {
        Value::Number(number) => PyValue::Number(number),
        Value::Buckets(counts, sum) => PyValue::Buckets((counts, seconds(sum))),
    };
    found.into_iter().map(|(name, values, one)| (name, strings(values), value(one))).collect()
}

fn exemplars(found: Vec<(Vec<Box<str>>, usize, Exemplar)>) -> Vec<PyExemplar> {
    let told = |(values, bucket, one): (Vec<Box<str>>, usize, Exemplar)| {
        (strings(values), bucket, one.connection, one.message_id, one.seconds, one.at)
    };
    found.into_iter().map(told).collect()
}

fn strings(values: Vec<Box<str>>) -> Vec<String> {
    values.into_iter().map(String::from).collect()
}

/// Names in json, ecs and cef, kind of value, which records have it, what it says.
type PyAuditField = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// The fields of records.
#[pyfunction]
pub fn audit_fields() -> Vec<PyAuditField> {
    AUDIT_FIELDS.iter().map(|one| (one.json, one.ecs, one.cef, one.kind.word(), one.when, one.meaning)).collect()
}
