//! `Driver` as a Python class: converts names, addresses and what happened, and holds no logic.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::time::Duration;

use ostiary_driver::{Answer, Driver, End, Errno, Happening, Key, Side};
use ostiary_session::Event;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use crate::hooks::Requests;
use crate::policy::PyVerdict;
use crate::questions::{PyQuestions, Question, Row};
use crate::session::{PyEvent, PySession, events, steady_seconds, word};

/// See `_core.pyi`.
#[pyclass(name = "Driver", module = "ostiary._core")]
pub struct PyDriver {
    driver: Driver<Owner>,
    /// What hooks have said since the last wait.
    answers: Vec<Answer>,
    /// What hooks are shown of requests.
    pub(crate) requests: Requests,
    /// Space for what hooks will be asked next.
    space: Vec<Question>,
}

/// Who is told what happens to a socket.
struct Owner {
    told: Py<PyAny>,
    /// The client as hooks are shown it; none where no hook is asked.
    shown: Option<Py<PyAny>>,
}

impl Owner {
    fn new(told: Py<PyAny>) -> Self {
        Self { told, shown: None }
    }
}

#[pymethods]
impl PyDriver {
    #[new]
    fn new() -> PyResult<Self> {
        let driver = Driver::new(steady_seconds).map_err(os_error)?;
        Ok(Self { driver, answers: Vec::new(), requests: Requests::default(), space: Vec::new() })
    }

    fn watch(&mut self) -> PyResult<()> {
        self.driver.watch().map_err(os_error)
    }

    fn wait<'py>(slf: &Bound<'py, Self>, until: Option<f64>) -> PyResult<PyTold<'py>> {
        let py = slf.py();
        let mut fault = None;
        let (end, happened, rows) = {
            let Self { driver, answers, space, .. } = &mut *slf.borrow_mut();
            let mut told = Told { happened: None, rows: Vec::new(), space };
            let end = driver.wait(
                answers.drain(..),
                until,
                |waiting| py.detach(waiting),
                |owner, key, happening| {
                    if let Err(error) = told.take(py, &owner.told, key, happening) {
                        fault = Some(error);
                    }
                },
            );
            (end, told.happened, told.rows)
        };
        if let Some(error) = fault {
            return Err(error);
        }
        let mut held = None;
        for row in rows {
            let (generation, stage, operation) = (row.generation, row.stage, word(py, row.operation));
            let questions = Py::new(py, PyQuestions::new(slf.clone().unbind(), row))?;
            held.get_or_insert_with(|| PyList::empty(py)).append((generation, stage, operation, questions))?;
        }
        let end = match end.map_err(os_error)? {
            End::Told => 0,
            End::Over => 1,
            End::Beside => 2,
        };
        Ok((happened, held, end))
    }

    fn show(&mut self, client: u64, shown: Option<Py<PyAny>>) {
        if let Some(owner) = self.driver.owner(Key::from_number(client)) {
            owner.shown = shown;
        }
    }

    fn passage(&mut self) -> PyResult<i32> {
        Ok(self.driver.passage().map_err(os_error)?.into_raw_fd())
    }

    fn listen(&mut self, owner: Py<PyAny>) -> PyResult<u64> {
        Ok(self.driver.listen(Owner::new(owner)).map_err(os_error)?.number())
    }

    fn set_accepting(&mut self, listening: u64, is_wanted: bool) -> PyResult<()> {
        self.driver.set_accepting(Key::from_number(listening), is_wanted).map_err(os_error)
    }

    fn enter(&mut self, client: u64, owner: Py<PyAny>, session: &PySession, most_waiting: usize) -> PyResult<()> {
        let owner = Owner::new(owner);
        self.driver.enter(Key::from_number(client), owner, session.0.clone(), most_waiting).map_err(os_error)
    }

    fn set_most_waiting(&mut self, client: u64, octets: usize) {
        self.driver.set_most_waiting(Key::from_number(client), octets);
    }

    fn connect(&mut self, client: u64, address: &str, port: u16, scope: u32) -> PyResult<bool> {
        let mut address = SocketAddr::new(address.parse()?, port);
        if let SocketAddr::V6(address) = &mut address {
            address.set_scope_id(scope);
        }
        self.driver.connect(Key::from_number(client), address).map_err(os_error)
    }

    fn connect_unix(&mut self, client: u64, path: &str) -> PyResult<bool> {
        self.driver.connect_unix(Key::from_number(client), Path::new(path)).map_err(os_error)
    }

    fn release_upstream(&mut self, client: u64) {
        self.driver.release(Key::from_number(client).on(Side::Upstream));
    }

    fn lend(&mut self, client: u64) -> PyResult<i32> {
        Ok(self.driver.lend(Key::from_number(client)).map_err(os_error)?.into_raw_fd())
    }

    fn keep_alive(&mut self, client: u64, idle: u64, interval: u64, count: u32) -> PyResult<()> {
        let (idle, interval) = (Duration::from_secs(idle), Duration::from_secs(interval));
        self.driver.keep_alive(Key::from_number(client), idle, interval, count).map_err(os_error)
    }

    fn write_client(&mut self, client: u64, octets: &[u8]) {
        self.driver.write(Key::from_number(client), octets);
    }

    fn write_upstream(&mut self, client: u64, octets: &[u8]) {
        self.driver.write(Key::from_number(client).on(Side::Upstream), octets);
    }

    fn resume<'py>(
        &mut self,
        py: Python<'py>,
        client: u64,
        hold: u32,
        verdict: &PyVerdict,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (client, verdict) = (Key::from_number(client), verdict.into());
        events(py, self.driver.visit(client, |session, now, step| session.resume(hold, verdict, now, step)))
    }

    fn hold_client(&mut self, client: u64) {
        self.driver.hold(Key::from_number(client));
    }

    fn release_client(&mut self, client: u64) {
        self.driver.release(Key::from_number(client));
    }

    fn leave_upstream(&mut self, client: u64) -> Option<u64> {
        self.driver.leave_upstream(Key::from_number(client)).map(Key::number)
    }

    fn leave(&mut self, client: u64) -> bool {
        self.driver.leave(Key::from_number(client))
    }

    fn remove(&mut self, key: u64) {
        self.driver.remove(Key::from_number(key));
    }
}

impl PyDriver {
    /// The client as hooks are shown it, while there is one to show.
    pub(crate) fn shown(&mut self, py: Python<'_>, client: Key) -> Option<Py<PyAny>> {
        self.driver.owner(client)?.shown.as_ref().map(|shown| shown.clone_ref(py))
    }

    /// Who is told what happens to that client.
    pub(crate) fn told(&mut self, py: Python<'_>, client: Key) -> Option<Py<PyAny>> {
        self.driver.owner(client).map(|owner| owner.told.clone_ref(py))
    }

    /// What hooks said of a request that its session holds; it goes on with the next wait.
    pub(crate) fn answer(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    /// A row was answered; what it was in may be used again.
    pub(crate) fn is_done_with(&mut self, py: Python<'_>, space: Vec<Question>) -> PyResult<()> {
        self.space = space;
        self.requests.forget(py)
    }
}

/// What happened to whom, requests that hooks are asked about, and how the wait ended.
type PyTold<'py> = (Option<Bound<'py, PyList>>, Option<Bound<'py, PyList>>, u8);

/// What a wait gives.
struct Told<'a, 'py> {
    happened: Option<Bound<'py, PyList>>,
    rows: Vec<Row>,
    /// For the first of them.
    space: &'a mut Vec<Question>,
}

impl<'py> Told<'_, 'py> {
    /// Takes what happened.
    fn take(&mut self, py: Python<'py>, owner: &Py<PyAny>, key: Key, happening: Happening<'_>) -> PyResult<()> {
        let event = match happening {
            Happening::Events(drained) => {
                let mut rest = Vec::new();
                for each in drained {
                    if let Event::Held { hold, stage, generation, operation, request } = each {
                        // For every request where there are hooks: what hooks are shown is made when they are asked.
                        let question = Question { client: key, hold, request };
                        match self.rows.last_mut() {
                            Some(row) if row.is_of(stage, generation, operation) => row.questions.push(question),
                            _ => {
                                let mut questions = std::mem::take(self.space);
                                questions.push(question);
                                self.rows.push(Row { stage, generation, operation, questions });
                            }
                        }
                    } else {
                        rest.push(each);
                    }
                }
                if rest.is_empty() {
                    return Ok(());
                }
                let events = events(py, rest.into_iter())?;
                return self.happened(py).append((owner.clone_ref(py), events));
            }
            Happening::Accepted(address) => PyEvent::Accepted {
                client: key.number(),
                host: address.map(|address| address.ip().to_string()),
                port: address.map_or(0, |address| address.port()),
            },
            Happening::NotAccepted(error) => {
                PyEvent::NotAccepted { listening: key.number(), error: error.raw_os_error() }
            }
            Happening::Connected => PyEvent::Connected {},
            Happening::NotConnected(error) => PyEvent::NotConnected { error: error.raw_os_error() },
            Happening::ClientLost => PyEvent::ClientLost {},
            Happening::UpstreamLost => PyEvent::UpstreamLost {},
            Happening::Failed => PyEvent::Failed {},
        };
        self.happened(py).append((owner.clone_ref(py), PyTuple::new(py, [event])?))
    }

    fn happened(&mut self, py: Python<'py>) -> &Bound<'py, PyList> {
        self.happened.get_or_insert_with(|| PyList::empty(py))
    }
}

fn os_error(error: Errno) -> PyErr {
    let text = error.to_string();
    // As Python words it: without the number, which it has beside.
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text).to_owned();
    PyOSError::new_err((error.raw_os_error(), text))
}
