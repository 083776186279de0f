//! What hooks are asked, as a Python iterator: holds no logic but whose turn it is.

use std::sync::Arc;

use ostiary_driver::{Answer, Key};
use ostiary_ldap::message::RequestKind;
use ostiary_session::Verdict;
use pyo3::prelude::*;

use crate::driver::PyDriver;
use crate::hooks::{PyRawRequest, PyStopwatch};
use crate::policy::PyVerdict;
use crate::session::steady_seconds;

/// A request that its session holds.
pub(crate) struct Question {
    pub hook: HookName,
    pub client: Key,
    pub hold: u32,
    pub request: Arc<[u8]>,
}

/// Which hook is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookName {
    /// The configuration.
    pub generation: u64,
    pub stage: usize,
    pub operation: RequestKind,
}

/// See `_core.pyi`.
#[pyclass(name = "Questions", module = "ostiary._core")]
pub struct PyQuestions {
    driver: Py<PyDriver>,
    hook: HookName,
    stopwatch: Py<PyStopwatch>,
    /// The one that was given last, until it has its verdict: whose it is, and its name.
    asked: Option<(Key, u32)>,
}

#[pymethods]
impl PyQuestions {
    #[getter]
    fn owner(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let (client, _) = self.asked?;
        self.driver.bind(py).borrow_mut().told(py, client)
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&mut self, py: Python<'_>) -> PyResult<Option<(Py<PyAny>, Py<PyRawRequest>)>> {
        let stopwatch = &self.stopwatch.get().0;
        let mut driver = self.driver.bind(py).borrow_mut();
        let mut now = steady_seconds();
        if let Some((client, hold)) = self.asked.take() {
            stopwatch.stop(now);
            driver.answer(Answer { client, hold, verdict: Verdict::Pass });
        }
        loop {
            while let Some(question) = driver.next_of(self.hook) {
                let (client, hold) = (question.client, question.hold);
                let Some(shown) = driver.shown(py, client) else {
                    // It is gone, and what it asked for with it.
                    driver.drop_question();
                    continue;
                };
                let Some(request) = driver.show_next(py)? else { return Ok(None) };
                self.asked = Some((client, hold));
                stopwatch.start(now);
                return Ok(Some((shown, request)));
            }
            if !driver.serve_on(py)? {
                return Ok(None);
            }
            now = steady_seconds();
        }
    }

    fn over(&self) -> bool {
        self.stopwatch.get().0.stop(steady_seconds());
        self.asked.is_some()
    }

    fn answer(&mut self, py: Python<'_>, verdict: &PyVerdict) {
        if let Some((client, hold)) = self.asked.take() {
            self.driver.bind(py).borrow_mut().answer(Answer { client, hold, verdict: verdict.into() });
        }
    }
}

impl PyQuestions {
    pub(crate) fn new(driver: Py<PyDriver>, hook: HookName, stopwatch: Py<PyStopwatch>) -> Self {
        Self { driver, hook, stopwatch, asked: None }
    }
}
