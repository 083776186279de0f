//! What a hook is shown of a request, and what measures it, as Python classes: these are made or called for each request
//! that a hook is asked about. Holds no logic.

use ostiary_ledger::Stopwatch;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use crate::session::steady_seconds;

/// See `_core.pyi`.
#[pyclass(frozen, subclass, name = "RawRequest", module = "ostiary._core")]
pub struct PyRawRequest {
    operation: Py<PyString>,
    raw: Py<PyBytes>,
}

#[pymethods]
impl PyRawRequest {
    #[new]
    fn new(operation: Py<PyString>, raw: Py<PyBytes>) -> Self {
        Self { operation, raw }
    }

    #[getter]
    fn operation(&self, py: Python<'_>) -> Py<PyString> {
        self.operation.clone_ref(py)
    }

    #[getter]
    fn raw(&self, py: Python<'_>) -> Py<PyBytes> {
        self.raw.clone_ref(py)
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
