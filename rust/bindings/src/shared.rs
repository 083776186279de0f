//! `Shared` and `Hold` as Python classes: what the workers of a gateway share. Converts, and holds no logic.

use std::hash::Hasher;
use std::io;
use std::sync::Arc;

use ostiary_arena::{Acquired, Arena, Hold, Layout};
use ostiary_policy::Policy;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::policy::{PyPolicy, first_fault, read};

/// See `_core.pyi`.
#[pyclass(frozen, name = "Shared", module = "ostiary._core")]
pub struct PyShared {
    arena: Arc<Arena>,
    policy: Option<Py<PyPolicy>>,
}

#[pymethods]
impl PyShared {
    #[new]
    #[pyo3(signature = (key, _names, *, policy = None, workers = 1, worker = 0, descriptor = None, counters = 0))]
    #[expect(clippy::too_many_arguments, reason = "one call, by keywords")]
    fn new(
        py: Python<'_>,
        key: [u8; 16],
        _names: &str,
        policy: Option<&str>,
        workers: usize,
        worker: usize,
        descriptor: Option<i32>,
        counters: usize,
    ) -> PyResult<Self> {
        let own = Layout { counters, workers, ..Layout::default() };
        let lay_out = |layout| match descriptor {
            Some(descriptor) => Arena::map(descriptor, key, own.joined(layout), worker),
            None => Ok(Arena::new(key, own.joined(layout))),
        };
        let Some(spec) = policy else {
            let arena = lay_out(Layout::default()).map_err(|error| unshared(&error))?;
            return Ok(Self { arena: Arc::new(arena), policy: None });
        };
        let mut made = Err(io::Error::from(io::ErrorKind::InvalidInput));
        let compiled = Policy::compile_in(&read(spec)?, |layout| {
            made = lay_out(layout).map(Arc::new);
            // Where there is none, the policy is dropped below.
            made.as_ref().map_or_else(|_| Arc::new(Arena::new(key, Layout::default())), Arc::clone)
        })
        .map_err(|faults| first_fault(&faults))?;
        let arena = made.map_err(|error| unshared(&error))?;
        Ok(Self { arena, policy: Some(Py::new(py, PyPolicy(Arc::new(compiled)))?) })
    }

    #[getter]
    fn policy(&self, py: Python<'_>) -> Option<Py<PyPolicy>> {
        self.policy.as_ref().map(|policy| policy.clone_ref(py))
    }

    fn forget_worker(&self, worker: usize) {
        self.arena.forget_worker(worker);
    }

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

fn unshared(error: &io::Error) -> PyErr {
    PyOSError::new_err(error.to_string())
}
