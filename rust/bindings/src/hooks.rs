//! What a hook is shown of a request, and what measures it, as Python classes: these are made or called for each request
//! that a hook is asked about. Holds no logic.

use std::sync::Arc;

use ostiary_ldap::message::RequestKind;
use ostiary_ledger::Stopwatch;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::session::{steady_seconds, word};
use crate::values::{Message, decode_request};

/// See `_core.pyi`.
#[pyclass(frozen, subclass, name = "RawRequest", module = "ostiary._core")]
#[expect(clippy::disallowed_types, reason = "one thread uses it, but Python does not promise that")]
pub struct PyRawRequest(std::sync::Mutex<Shown>);

/// What a request is.
struct Shown {
    operation: Operation,
    raw: Raw,
    /// The same as a value, once somebody has asked for it.
    message: Option<Py<Message>>,
}

enum Operation {
    /// As the core has it.
    Kind(RequestKind),
    /// As Python has it.
    Word(Py<PyString>),
}

enum Raw {
    /// Nobody's any more.
    Nothing,
    /// As the core has it.
    Octets(Arc<[u8]>),
    /// Once Python has had it.
    Bytes(Py<PyBytes>),
}

#[pymethods]
impl PyRawRequest {
    #[new]
    fn new(operation: Py<PyString>, raw: Py<PyBytes>) -> Self {
        Self(Shown { operation: Operation::Word(operation), raw: Raw::Bytes(raw), message: None }.into())
    }

    #[getter]
    fn operation(&self, py: Python<'_>) -> PyResult<Py<PyString>> {
        self.look(|shown| {
            Ok(match &shown.operation {
                Operation::Kind(kind) => word(py, *kind).unbind(),
                Operation::Word(word) => word.clone_ref(py),
            })
        })
    }

    #[getter]
    fn raw(&self, py: Python<'_>) -> PyResult<Py<PyBytes>> {
        self.look(|shown| Ok(shown.bytes(py)))
    }

    #[getter]
    fn message(&self, py: Python<'_>) -> PyResult<Py<Message>> {
        self.look(|shown| {
            if let Some(message) = &shown.message {
                return Ok(message.clone_ref(py));
            }
            let message = match &shown.raw {
                Raw::Octets(octets) => decode_request(py, octets),
                Raw::Bytes(bytes) => decode_request(py, bytes.as_bytes(py)),
                Raw::Nothing => decode_request(py, &[]),
            };
            Ok(shown.message.insert(Py::new(py, message?)?).clone_ref(py))
        })
    }
}

impl PyRawRequest {
    fn become_another(&self, operation: RequestKind, raw: Raw) -> PyResult<()> {
        self.look(|shown| {
            *shown = Shown { operation: Operation::Kind(operation), raw, message: None };
            Ok(())
        })
    }

    fn look<T>(&self, look: impl FnOnce(&mut Shown) -> PyResult<T>) -> PyResult<T> {
        look(&mut *self.0.lock().map_err(|_| PyRuntimeError::new_err("an earlier call panicked"))?)
    }
}

impl Shown {
    fn bytes(&mut self, py: Python<'_>) -> Py<PyBytes> {
        let bytes = match &self.raw {
            Raw::Bytes(bytes) => return bytes.clone_ref(py),
            Raw::Octets(octets) => PyBytes::new(py, octets),
            Raw::Nothing => PyBytes::new(py, &[]),
        };
        self.raw = Raw::Bytes(bytes.clone().unbind());
        bytes.unbind()
    }
}

/// What hooks are shown as requests: one that becomes each, as long as nobody keeps it, since making one costs more than
/// most hooks do.
#[derive(Default)]
pub(crate) struct Requests {
    lent: Option<Py<PyRawRequest>>,
}

impl Requests {
    /// One that nobody else has: it may become whatever is to be shown.
    pub(crate) fn lend(&mut self, request: Py<PyRawRequest>) {
        self.lent = Some(request);
    }

    /// A request to be shown, for whoever gives it to Python at once; none where one has to be lent before.
    pub(crate) fn show(
        &mut self,
        py: Python<'_>,
        operation: RequestKind,
        octets: &Arc<[u8]>,
    ) -> PyResult<Option<Py<PyRawRequest>>> {
        let Some(lent) = self.lent.as_ref().filter(|lent| is_kept_by_nobody(py, lent)) else { return Ok(None) };
        lent.get().become_another(operation, Raw::Octets(Arc::clone(octets)))?;
        Ok(Some(lent.clone_ref(py)))
    }

    /// Keeps nothing of what was asked for.
    pub(crate) fn forget(&mut self, py: Python<'_>) -> PyResult<()> {
        match self.lent.as_ref().filter(|lent| is_kept_by_nobody(py, lent)) {
            Some(lent) => lent.get().become_another(RequestKind::Unbind, Raw::Nothing),
            None => Ok(()),
        }
    }
}

/// Whether Python has let go of a request, so that nobody notices when it becomes another one.
#[expect(deprecated, reason = "what is to be used instead is unsafe")]
fn is_kept_by_nobody(py: Python<'_>, request: &Py<PyRawRequest>) -> bool {
    request.get_refcnt(py) == 1
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "Stopwatch", module = "ostiary._core")]
pub struct PyStopwatch(pub(crate) Stopwatch);

#[pymethods]
impl PyStopwatch {
    #[new]
    fn new() -> Self {
        Self(Stopwatch::default())
    }

    fn lap(&self, since: f64) {
        self.0.lap(steady_seconds() - since);
    }

    fn start(&self) {
        self.0.start(steady_seconds());
    }

    fn stop(&self) {
        self.0.stop(steady_seconds());
    }

    #[getter]
    fn since(&self) -> Option<f64> {
        self.0.since()
    }

    #[getter]
    fn laps(&self) -> u64 {
        self.0.laps()
    }

    #[getter]
    fn seconds(&self) -> f64 {
        self.0.seconds()
    }
}
