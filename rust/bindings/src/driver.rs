//! `Driver` as a Python class: converts names, addresses and what happened, and holds no logic.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::time::Duration;

use ostiary_driver::{Answer, Driver, Errno, Happening, Key, Side};
use ostiary_session::Event;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::policy::PyVerdict;
use crate::session::{PyEvent, PySession, events, steady_seconds, word};

/// See `_core.pyi`.
#[pyclass(name = "Driver", module = "ostiary._core")]
pub struct PyDriver {
    driver: Driver<Py<PyAny>>,
    /// Requests that the last wait told of, in that order.
    asked: Vec<(Key, u32)>,
}

#[pymethods]
impl PyDriver {
    #[new]
    fn new() -> PyResult<Self> {
        let driver = Driver::new(steady_seconds).map_err(os_error)?;
        Ok(Self { driver, asked: Vec::new() })
    }

    fn watch(&mut self) -> PyResult<()> {
        self.driver.watch().map_err(os_error)
    }

    fn wait<'py>(
        &mut self,
        py: Python<'py>,
        seconds: Option<f64>,
        verdicts: &Bound<'py, PyList>,
    ) -> PyResult<PyTold<'py>> {
        let answers = answers(self.asked.drain(..), verdicts)?;
        // What is longer than a duration can be is for ever.
        let most = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        let mut told = Told { happened: None, held: None, asked: &mut self.asked };
        let mut fault = None;
        let is_beside = self.driver.wait(
            answers.into_iter(),
            most,
            |waiting| py.detach(waiting),
            |owner, key, happening| {
                if let Err(error) = told.take(py, owner, key, happening) {
                    fault = Some(error);
                }
            },
        );
        match fault {
            Some(error) => Err(error),
            None => Ok((told.happened, told.held, is_beside.map_err(os_error)?)),
        }
    }

    fn passage(&mut self) -> PyResult<i32> {
        Ok(self.driver.passage().map_err(os_error)?.into_raw_fd())
    }

    fn listen(&mut self, owner: Py<PyAny>) -> PyResult<u64> {
        Ok(self.driver.listen(owner).map_err(os_error)?.number())
    }

    fn set_accepting(&mut self, listening: u64, is_wanted: bool) -> PyResult<()> {
        self.driver.set_accepting(Key::from_number(listening), is_wanted).map_err(os_error)
    }

    fn enter(&mut self, client: u64, owner: Py<PyAny>, session: &PySession, most_waiting: usize) -> PyResult<()> {
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

/// What happened to whom, requests that hooks are asked about, and whether what is watched beside is readable.
type PyTold<'py> = (Option<Bound<'py, PyList>>, Option<Bound<'py, PyList>>, bool);

/// What a wait gives.
struct Told<'a, 'py> {
    happened: Option<Bound<'py, PyList>>,
    held: Option<Bound<'py, PyList>>,
    asked: &'a mut Vec<(Key, u32)>,
}

impl<'py> Told<'_, 'py> {
    /// Takes what happened.
    fn take(&mut self, py: Python<'py>, owner: &Py<PyAny>, key: Key, happening: Happening<'_>) -> PyResult<()> {
        let event = match happening {
            Happening::Events(drained) => {
                let mut rest = Vec::new();
                for each in drained {
                    if let Event::Held { hold, stage, generation, operation, request } = each {
                        // For every request where there are hooks: a tuple costs half of what an event does.
                        let operation = word(py, operation);
                        let asked =
                            (owner.clone_ref(py), hold, stage, generation, operation, PyBytes::new(py, &request));
                        self.held.get_or_insert_with(|| PyList::empty(py)).append(asked)?;
                        self.asked.push((key, hold));
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

/// Verdicts on the requests that were asked about, in their order; those that come later are none yet.
fn answers(asked: impl ExactSizeIterator<Item = (Key, u32)>, verdicts: &Bound<'_, PyList>) -> PyResult<Vec<Answer>> {
    if asked.len() != verdicts.len() {
        return Err(PyValueError::new_err(format!("{} verdicts on {} requests", verdicts.len(), asked.len())));
    }
    let mut answers = Vec::with_capacity(asked.len());
    for ((client, hold), verdict) in asked.zip(verdicts) {
        if !verdict.is_none() {
            let verdict = verdict.cast::<PyVerdict>()?.get().into();
            answers.push(Answer { client, hold, verdict });
        }
    }
    Ok(answers)
}

fn os_error(error: Errno) -> PyErr {
    let text = error.to_string();
    // As Python words it: without the number, which it has beside.
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text).to_owned();
    PyOSError::new_err((error.raw_os_error(), text))
}
