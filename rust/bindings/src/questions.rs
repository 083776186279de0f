//! What hooks are asked, as a Python iterator: holds no logic but whose turn it is.

use std::sync::Arc;

use ostiary_driver::{Answer, Key};
use ostiary_ldap::message::RequestKind;
use ostiary_session::Verdict;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::driver::PyDriver;
use crate::hooks::{PyRawRequest, PyStopwatch};
use crate::policy::PyVerdict;
use crate::session::steady_seconds;

/// A request that its session holds.
pub(crate) struct Question {
    pub client: Key,
    pub hold: u32,
    pub request: Arc<[u8]>,
}

/// Questions to one hook.
pub(crate) struct Row {
    pub stage: usize,
    pub generation: u64,
    pub operation: RequestKind,
    pub questions: Vec<Question>,
}

impl Row {
    #[inline]
    pub(crate) fn is_of(&self, stage: usize, generation: u64, operation: RequestKind) -> bool {
        self.stage == stage && self.generation == generation && self.operation == operation
    }
}

/// See `_core.pyi`.
#[pyclass(name = "Questions", module = "ostiary._core")]
pub struct PyQuestions {
    driver: Py<PyDriver>,
    row: Row,
    /// The one that is asked next.
    next: usize,
    stopwatch: Option<Py<PyStopwatch>>,
    /// When the one that was asked last began.
    since: Option<f64>,
}

#[pymethods]
impl PyQuestions {
    #[getter]
    fn owners(&self, py: Python<'_>) -> Vec<Py<PyAny>> {
        let mut driver = self.driver.bind(py).borrow_mut();
        self.row.questions.iter().filter_map(|question| driver.told(py, question.client)).collect()
    }

    fn __len__(&self) -> usize {
        self.row.questions.len()
    }

    fn lend(&self, py: Python<'_>, request: Py<PyRawRequest>) {
        self.driver.bind(py).borrow_mut().requests.lend(request);
    }

    fn ask(mut slf: PyRefMut<'_, Self>, stopwatch: Option<Py<PyStopwatch>>) -> PyRefMut<'_, Self> {
        slf.stopwatch = stopwatch;
        slf
    }

    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let now = self.stopwatch.as_ref().map(|stopwatch| (stopwatch, steady_seconds()));
        if let (Some((stopwatch, now)), Some(since)) = (now, self.since.take()) {
            stopwatch.get().0.lap(now - since);
        }
        let mut driver = self.driver.bind(py).borrow_mut();
        while let Some(question) = self.row.questions.get(self.next) {
            let Some(client) = driver.shown(py, question.client) else {
                // It is gone, and what it asked for with it.
                self.row.questions.remove(self.next);
                continue;
            };
            let Some(request) = driver.requests.show(py, self.row.operation, &question.request)? else { break };
            self.next = self.next.saturating_add(1);
            self.since = now.map(|(_, now)| now);
            return (client, request).into_pyobject(py).map(Some);
        }
        Ok(None)
    }

    fn over(&mut self) {
        if let (Some(stopwatch), Some(since)) = (&self.stopwatch, self.since.take()) {
            stopwatch.get().0.lap(steady_seconds() - since);
        }
    }

    fn at<'py>(&self, py: Python<'py>, place: usize) -> PyResult<PyAsked<'py>> {
        let question = self.row.questions.get(place).ok_or_else(|| PyIndexError::new_err(place))?;
        let mut driver = self.driver.bind(py).borrow_mut();
        let (owner, client) = (driver.told(py, question.client), driver.shown(py, question.client));
        Ok((owner, question.hold, client, PyBytes::new(py, &question.request)))
    }

    fn passed(&mut self, py: Python<'_>, outcomes: &Bound<'_, PyList>, passing: &Bound<'_, PyAny>) -> PyResult<bool> {
        let is_over = self.is_over(outcomes);
        if is_over && outcomes.iter().all(|outcome| outcome.is(passing)) {
            self.go_on(py, std::iter::repeat_with(|| Some(Verdict::Pass)))?;
            return Ok(true);
        }
        Ok(false)
    }

    fn answer(&mut self, py: Python<'_>, verdicts: &Bound<'_, PyList>) -> PyResult<()> {
        if !self.is_over(verdicts) {
            let (told, asked) = (verdicts.len(), self.row.questions.len());
            return Err(PyValueError::new_err(format!("{told} verdicts on {asked} requests")));
        }
        let verdict = |verdict: Bound<'_, PyAny>| {
            let told = !verdict.is_none();
            told.then(|| Ok(verdict.cast::<PyVerdict>()?.get().into())).transpose()
        };
        // All of them, before anybody has one.
        let verdicts = verdicts.iter().map(verdict).collect::<PyResult<Vec<_>>>()?;
        self.go_on(py, verdicts.into_iter())
    }
}

/// Whose a request is, its name, its client as it is shown, and its octets.
type PyAsked<'py> = (Option<Py<PyAny>>, u32, Option<Py<PyAny>>, Bound<'py, PyBytes>);

impl PyQuestions {
    pub(crate) fn new(driver: Py<PyDriver>, row: Row) -> Self {
        Self { driver, row, next: 0, stopwatch: None, since: None }
    }

    /// Whether all were given, and there is something about each.
    fn is_over(&self, about: &Bound<'_, PyList>) -> bool {
        self.next == self.row.questions.len() && self.next == about.len()
    }

    /// Has sessions go on; by none it happens later.
    fn go_on(&mut self, py: Python<'_>, verdicts: impl Iterator<Item = Option<Verdict>>) -> PyResult<()> {
        let mut driver = self.driver.bind(py).borrow_mut();
        for (question, verdict) in self.row.questions.drain(..).zip(verdicts) {
            if let Some(verdict) = verdict {
                driver.answer(Answer { client: question.client, hold: question.hold, verdict });
            }
        }
        driver.is_done_with(py, std::mem::take(&mut self.row.questions))
    }
}
