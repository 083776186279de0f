//! `Driver` as a Python class: converts names, addresses and what happened, and holds no logic.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::time::Duration;

use ostiary_driver::{Answer, Driver, End, Errno, Happening, Key, Side};
use ostiary_session::Event;
use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::hooks::{PyRawRequest, PyStopwatch, Requests};
use crate::policy::PyVerdict;
use crate::questions::{HookName, PyQuestions, Question};
use crate::session::{PyEvent, PySession, events, steady_seconds, word};

/// See `_core.pyi`.
#[pyclass(name = "Driver", module = "ostiary._core")]
pub struct PyDriver {
    driver: Driver<Owner>,
    /// Until when to wait.
    until: Option<f64>,
    /// What a wait came to that nobody was told of yet.
    happened: Option<Happened>,
    /// Somebody wants the wait to end.
    #[pyo3(get, set)]
    is_wanted: bool,
    /// What hooks are to be asked.
    held: VecDeque<Question>,
    /// What hooks have said since the last wait.
    answers: Vec<Answer>,
    /// What hooks are shown of requests.
    requests: Requests,
}

/// What happened to whom, and how the wait ended.
type Happened = (Option<Py<PyList>>, u8);

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
        Ok(Self {
            driver: Driver::new(steady_seconds).map_err(os_error)?,
            until: None,
            happened: None,
            is_wanted: false,
            held: VecDeque::new(),
            answers: Vec::new(),
            requests: Requests::default(),
        })
    }

    fn watch(&mut self) -> PyResult<()> {
        self.driver.watch().map_err(os_error)
    }

    fn wait(&mut self, py: Python<'_>, until: Option<f64>) -> PyResult<(Option<Py<PyList>>, bool, u8)> {
        self.until = until;
        if self.happened.is_none() && self.held.is_empty() {
            self.serve(py)?;
        }
        let (happened, end) = self.happened.take().unwrap_or_default();
        Ok((happened, !self.held.is_empty(), end))
    }

    #[getter]
    fn asked<'py>(&self, py: Python<'py>) -> Option<(u64, usize, Bound<'py, PyString>)> {
        let HookName { generation, stage, operation } = self.next()?.hook;
        Some((generation, stage, word(py, operation)))
    }

    fn ask(slf: &Bound<'_, Self>, stopwatch: Py<PyStopwatch>, request: Py<PyRawRequest>) -> PyResult<PyQuestions> {
        let mut driver = slf.borrow_mut();
        let hook = driver.next().ok_or_else(nobody_asks)?.hook;
        driver.requests.lend(request);
        Ok(PyQuestions::new(slf.clone().unbind(), hook, stopwatch))
    }

    fn hand_over(&mut self, py: Python<'_>) -> PyResult<(Option<Py<PyAny>>, PyEvent)> {
        let Question { hook, client, hold, request } = self.held.pop_front().ok_or_else(nobody_asks)?;
        let HookName { generation, stage, operation } = hook;
        let (operation, request) = (word(py, operation).unbind(), PyBytes::new(py, &request).unbind());
        Ok((self.told(py, client), PyEvent::Held { hold, stage, generation, operation, request }))
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

    /// The request that is asked about next, once what happened was told.
    fn next(&self) -> Option<&Question> {
        if self.happened.is_some() { None } else { self.held.front() }
    }

    /// The same, if it is that hook that is asked.
    pub(crate) fn next_of(&self, hook: HookName) -> Option<&Question> {
        self.next().filter(|question| question.hook == hook)
    }

    pub(crate) fn drop_question(&mut self) {
        self.held.pop_front();
    }

    /// What a hook is shown of the request that is asked about next, which is not the next one any more; none where a
    /// request has to be lent before.
    pub(crate) fn show_next(&mut self, py: Python<'_>) -> PyResult<Option<Py<PyRawRequest>>> {
        let Some(Question { hook, request, .. }) = self.held.front() else { return Ok(None) };
        let shown = self.requests.show(py, hook.operation, request)?;
        if shown.is_some() {
            self.held.pop_front();
        }
        Ok(shown)
    }

    /// Waits once more, unless somebody else is to be asked or told before; whether there may be more to ask.
    pub(crate) fn serve_on(&mut self, py: Python<'_>) -> PyResult<bool> {
        if self.is_wanted || self.happened.is_some() || !self.held.is_empty() {
            return Ok(false);
        }
        self.requests.forget(py)?;
        self.serve(py)?;
        Ok(true)
    }

    /// Has sessions go on with requests that were answered, and waits.
    fn serve(&mut self, py: Python<'_>) -> PyResult<()> {
        let Self { driver, answers, held, until, .. } = self;
        let (mut told, mut fault) = (Told { happened: None, held }, None);
        let end = driver.wait(
            answers.drain(..),
            *until,
            |waiting| py.detach(waiting),
            |owner, key, happening| {
                if let Err(error) = told.take(py, &owner.told, key, happening) {
                    fault = Some(error);
                }
            },
        );
        let happened = told.happened.map(Bound::unbind);
        if let Some(error) = fault {
            return Err(error);
        }
        let end = match end.map_err(os_error)? {
            End::Told => 0,
            End::Over => 1,
            End::Beside => 2,
        };
        if happened.is_some() || end != 0 {
            self.happened = Some((happened, end));
        }
        Ok(())
    }
}

/// What a wait gives.
struct Told<'a, 'py> {
    happened: Option<Bound<'py, PyList>>,
    held: &'a mut VecDeque<Question>,
}

impl<'py> Told<'_, 'py> {
    /// Takes what happened.
    fn take(&mut self, py: Python<'py>, owner: &Py<PyAny>, key: Key, happening: Happening<'_>) -> PyResult<()> {
        let event = match happening {
            Happening::Events(drained) => {
                let mut rest = Vec::new();
                for each in drained {
                    if let Event::Held { hold, stage, generation, operation, request } = each {
                        let hook = HookName { generation, stage, operation };
                        self.held.push_back(Question { hook, client: key, hold, request });
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

fn nobody_asks() -> PyErr {
    PyRuntimeError::new_err("no session asks")
}

fn os_error(error: Errno) -> PyErr {
    let text = error.to_string();
    // As Python words it: without the number, which it has beside.
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text).to_owned();
    PyOSError::new_err((error.raw_os_error(), text))
}
