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
    operation: Py<PyString>,
    raw: Raw,
    /// The same as a value, once somebody has asked for it.
    message: Option<Py<Message>>,
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
        Self(Shown { operation, raw: Raw::Bytes(raw), message: None }.into())
    }

    #[getter]
    fn operation(&self, py: Python<'_>) -> PyResult<Py<PyString>> {
        self.look(|shown| Ok(shown.operation.clone_ref(py)))
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
    fn look<T>(&self, look: impl FnOnce(&mut Shown) -> PyResult<T>) -> PyResult<T> {
        look(&mut *self.0.lock().map_err(|_| PyRuntimeError::new_err("an earlier call panicked"))?)
    }

    /// Becomes another request. For whoever alone has it, since to everybody else it is what it was.
    fn become_another(&self, operation: Py<PyString>, raw: Raw) -> PyResult<()> {
        self.look(|shown| {
            *shown = Shown { operation, raw, message: None };
            Ok(())
        })
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

/// Whether Python has let go of a request.
#[expect(deprecated, reason = "what is to be used instead is unsafe")]
fn is_kept_by_nobody(py: Python<'_>, request: &Py<PyRawRequest>) -> bool {
    request.get_refcnt(py) == 1
}

/// What hooks are shown as requests: one that nobody has kept becomes the one after the next, since making one costs more
/// than most hooks do. The last one is still at hand where hooks are called.
#[derive(Default)]
pub(crate) struct Requests {
    lent: [Option<Lent>; 2],
    /// The second was the last to be shown.
    turn: bool,
}

struct Lent {
    request: Py<PyRawRequest>,
    /// No hook was shown it.
    is_new: bool,
}

impl Lent {
    /// Whether nobody notices when it becomes another request.
    fn is_free(&self, py: Python<'_>) -> bool {
        self.is_new || is_kept_by_nobody(py, &self.request)
    }
}

impl Requests {
    /// One that may become whatever is to be shown next.
    pub(crate) fn lend(&mut self, request: Py<PyRawRequest>) {
        *self.next() = Some(Lent { request, is_new: true });
    }

    /// A request to be shown; none where one has to be lent before.
    pub(crate) fn show(
        &mut self,
        py: Python<'_>,
        operation: RequestKind,
        octets: &Arc<[u8]>,
    ) -> PyResult<Option<Py<PyRawRequest>>> {
        let Some(lent) = self.next().as_mut().filter(|lent| lent.is_free(py)) else { return Ok(None) };
        lent.is_new = false;
        lent.request.get().become_another(word(py, operation).unbind(), Raw::Octets(Arc::clone(octets)))?;
        let request = lent.request.clone_ref(py);
        self.turn = !self.turn;
        Ok(Some(request))
    }

    fn next(&mut self) -> &mut Option<Lent> {
        let [first, second] = &mut self.lent;
        if self.turn { first } else { second }
    }

    /// Keeps nothing of what was asked for.
    pub(crate) fn forget(&mut self, py: Python<'_>) -> PyResult<()> {
        for lent in self.lent.iter().flatten().filter(|lent| lent.is_free(py)) {
            lent.request.get().look(|shown| {
                (shown.raw, shown.message) = (Raw::Nothing, None);
                Ok(())
            })?;
        }
        Ok(())
    }
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

    fn lap(&self, since: f64) -> f64 {
        let now = steady_seconds();
        self.0.lap(now - since);
        now
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
