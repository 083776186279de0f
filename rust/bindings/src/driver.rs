//! `Driver` as a Python class: converts names, addresses and what happened, and holds no logic.

use std::net::SocketAddr;
use std::os::fd::IntoRawFd;
use std::path::Path;
use std::time::Duration;

use ostiary_driver::{Driver, Errno, Happening, Key, Side};
use ostiary_session::Event;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::policy::PyVerdict;
use crate::session::{PyEvent, PySession, events, steady_seconds, word};

/// See `_core.pyi`.
#[pyclass(name = "Driver", module = "ostiary._core")]
pub struct PyDriver(Driver<Py<PyAny>>);

#[pymethods]
impl PyDriver {
    #[new]
    fn new() -> PyResult<Self> {
        Ok(Self(Driver::new(steady_seconds).map_err(os_error)?))
    }

    fn watch(&mut self) -> PyResult<()> {
        self.0.watch().map_err(os_error)
    }

    fn wait<'py>(&mut self, py: Python<'py>, seconds: Option<f64>) -> PyResult<PyTold<'py>> {
        // What is longer than a duration can be is for ever.
        let most = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        let (mut happened, mut held) = (None, None);
        let mut fault = None;
        let is_beside = self.0.wait(
            most,
            |waiting| py.detach(waiting),
            |owner, key, happening| {
                if let Err(error) = tell(py, owner, key, happening, &mut happened, &mut held) {
                    fault = Some(error);
                }
            },
        );
        match fault {
            Some(error) => Err(error),
            None => Ok((happened, held, is_beside.map_err(os_error)?)),
        }
    }

    fn passage(&mut self) -> PyResult<i32> {
        Ok(self.0.passage().map_err(os_error)?.into_raw_fd())
    }

    fn listen(&mut self, owner: Py<PyAny>) -> PyResult<u64> {
        Ok(self.0.listen(owner).map_err(os_error)?.number())
    }

    fn set_accepting(&mut self, listening: u64, is_wanted: bool) -> PyResult<()> {
        self.0.set_accepting(Key::from_number(listening), is_wanted).map_err(os_error)
    }

    fn enter(&mut self, client: u64, owner: Py<PyAny>, session: &PySession, most_waiting: usize) -> PyResult<()> {
        self.0.enter(Key::from_number(client), owner, session.0.clone(), most_waiting).map_err(os_error)
    }

    fn set_most_waiting(&mut self, client: u64, octets: usize) {
        self.0.set_most_waiting(Key::from_number(client), octets);
    }

    fn connect(&mut self, client: u64, address: &str, port: u16, scope: u32) -> PyResult<bool> {
        let mut address = SocketAddr::new(address.parse()?, port);
        if let SocketAddr::V6(address) = &mut address {
            address.set_scope_id(scope);
        }
        self.0.connect(Key::from_number(client), address).map_err(os_error)
    }

    fn connect_unix(&mut self, client: u64, path: &str) -> PyResult<bool> {
        self.0.connect_unix(Key::from_number(client), Path::new(path)).map_err(os_error)
    }

    fn release_upstream(&mut self, client: u64) {
        self.0.release(Key::from_number(client).on(Side::Upstream));
    }

    fn lend(&mut self, client: u64) -> PyResult<i32> {
        Ok(self.0.lend(Key::from_number(client)).map_err(os_error)?.into_raw_fd())
    }

    fn keep_alive(&mut self, client: u64, idle: u64, interval: u64, count: u32) -> PyResult<()> {
        let (idle, interval) = (Duration::from_secs(idle), Duration::from_secs(interval));
        self.0.keep_alive(Key::from_number(client), idle, interval, count).map_err(os_error)
    }

    fn write_client(&mut self, client: u64, octets: &[u8]) {
        self.0.write(Key::from_number(client), octets);
    }

    fn write_upstream(&mut self, client: u64, octets: &[u8]) {
        self.0.write(Key::from_number(client).on(Side::Upstream), octets);
    }

    fn resume<'py>(
        &mut self,
        py: Python<'py>,
        client: u64,
        hold: u32,
        verdict: &PyVerdict,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let (client, verdict) = (Key::from_number(client), verdict.into());
        events(py, self.0.visit(client, |session, now, step| session.resume(hold, verdict, now, step)))
    }

    fn hold_client(&mut self, client: u64) {
        self.0.hold(Key::from_number(client));
    }

    fn release_client(&mut self, client: u64) {
        self.0.release(Key::from_number(client));
    }

    fn leave_upstream(&mut self, client: u64) -> Option<u64> {
        self.0.leave_upstream(Key::from_number(client)).map(Key::number)
    }

    fn leave(&mut self, client: u64) -> bool {
        self.0.leave(Key::from_number(client))
    }

    fn remove(&mut self, key: u64) {
        self.0.remove(Key::from_number(key));
    }
}

/// What happened to whom, requests that hooks are asked about, and whether what is watched beside is readable.
type PyTold<'py> = (Option<Bound<'py, PyList>>, Option<Bound<'py, PyList>>, bool);

/// Puts what happened to what a wait gives.
fn tell<'py>(
    py: Python<'py>,
    owner: &Py<PyAny>,
    key: Key,
    happening: Happening<'_>,
    happened: &mut Option<Bound<'py, PyList>>,
    held: &mut Option<Bound<'py, PyList>>,
) -> PyResult<()> {
    let event = match happening {
        Happening::Events(drained) => {
            let mut rest = Vec::new();
            for each in drained {
                if let Event::Held { hold, stage, generation, operation, request } = each {
                    // For every request where there are hooks: a tuple costs half of what an event does.
                    let asked =
                        (owner.clone_ref(py), hold, stage, generation, word(py, operation), PyBytes::new(py, &request));
                    held.get_or_insert_with(|| PyList::empty(py)).append(asked)?;
                } else {
                    rest.push(each);
                }
            }
            if rest.is_empty() {
                return Ok(());
            }
            let events = events(py, rest.into_iter())?;
            return happened.get_or_insert_with(|| PyList::empty(py)).append((owner.clone_ref(py), events));
        }
        Happening::Accepted(address) => PyEvent::Accepted {
            client: key.number(),
            host: address.map(|address| address.ip().to_string()),
            port: address.map_or(0, |address| address.port()),
        },
        Happening::NotAccepted(error) => PyEvent::NotAccepted { listening: key.number(), error: error.raw_os_error() },
        Happening::Connected => PyEvent::Connected {},
        Happening::NotConnected(error) => PyEvent::NotConnected { error: error.raw_os_error() },
        Happening::ClientLost => PyEvent::ClientLost {},
        Happening::UpstreamLost => PyEvent::UpstreamLost {},
        Happening::Failed => PyEvent::Failed {},
    };
    happened.get_or_insert_with(|| PyList::empty(py)).append((owner.clone_ref(py), PyTuple::new(py, [event])?))
}

fn os_error(error: Errno) -> PyErr {
    let text = error.to_string();
    // As Python words it: without the number, which it has beside.
    let text = text.split_once(" (os error").map_or(text.as_str(), |(text, _)| text).to_owned();
    PyOSError::new_err((error.raw_os_error(), text))
}
