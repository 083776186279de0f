//! `Session` as a Python class: converts octets, verdicts and events, and holds no logic.

use std::cell::RefCell;
use std::ops::DerefMut;
use std::sync::Arc;

use ostiary_driver::{Shared, shared};
use ostiary_ldap::message::{FilterLimits, RequestKind};
use ostiary_ledger::sheet::Octets;
use ostiary_session::{Event, Limits, RequireTls, SaslSecurityLayers, Session, Settings, Step};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::policy::{PyPolicy, PyVerdict};
use crate::shared::PyShared;
use crate::tls::{PyListenerTls, PyServerSetup};

thread_local! {
    /// The work space that all sessions of a worker share, one call at a time.
    static STEP: RefCell<Step> = RefCell::new(Step::default());
}

/// What one call asks the driver to do: octets for the client, octets for the upstream, events.
type PyStep<'py> = (Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>, Bound<'py, PyTuple>);

/// See `_core.pyi`.
#[pyclass(frozen, name = "Settings", module = "ostiary._core")]
pub struct PySettings(Arc<Settings>);

#[pymethods]
impl PySettings {
    #[new]
    #[pyo3(signature = (
        *, tls, upstream, require_tls, sasl_security_layers, allow_unauthenticated_bind, allow_ldapv2, allow_sicily,
        upstream_knows_gateway, message_bytes_unauthenticated, message_bytes, filter_depth, filter_nodes, outstanding_requests,
        buffered_bytes, handshake_seconds, first_message_seconds, idle_seconds, listener, policy=None, counted=None,
        generation=0
    ))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of a constructor that is called once a listener")]
    #[expect(clippy::fn_params_excessive_bools, reason = "they are keyword arguments")]
    fn new(
        tls: &PyListenerTls,
        upstream: String,
        require_tls: &str,
        sasl_security_layers: &str,
        allow_unauthenticated_bind: bool,
        allow_ldapv2: bool,
        allow_sicily: bool,
        upstream_knows_gateway: bool,
        message_bytes_unauthenticated: usize,
        message_bytes: usize,
        filter_depth: usize,
        filter_nodes: usize,
        outstanding_requests: usize,
        buffered_bytes: usize,
        handshake_seconds: f64,
        first_message_seconds: f64,
        idle_seconds: f64,
        listener: &str,
        policy: Option<&PyPolicy>,
        counted: Option<&PyShared>,
        generation: u64,
    ) -> PyResult<Self> {
        let require_tls = match require_tls {
            "all" => RequireTls::All,
            "bind" => RequireTls::Bind,
            "off" => RequireTls::Off,
            other => return Err(PyValueError::new_err(format!("require_tls is all, bind or off: {other}"))),
        };
        let sasl_security_layers = match sasl_security_layers {
            "refuse" => SaslSecurityLayers::Refuse,
            "opaque" => SaslSecurityLayers::Opaque,
            other => return Err(PyValueError::new_err(format!("sasl_security_layers is refuse or opaque: {other}"))),
        };
        Ok(Self(Arc::new(Settings {
            tls: tls.0.clone(),
            require_tls,
            sasl_security_layers,
            allow_unauthenticated_bind,
            allow_ldapv2,
            allow_sicily,
            upstream_knows_gateway,
            upstream,
            listener: Arc::from(listener),
            generation,
            policy: policy.map(|policy| Arc::clone(&policy.0)),
            sheet: counted.and_then(|shared| shared.sheet(listener)).map(Arc::new),
            limits: Limits {
                message_bytes_unauthenticated,
                message_bytes,
                filter: FilterLimits { depth: filter_depth, nodes: filter_nodes },
                outstanding_requests,
                buffered_bytes,
                handshake_seconds,
                first_message_seconds,
                idle_seconds,
            },
        })))
    }

    /// Whether any session has them.
    #[getter]
    fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, get_all, name = "TlsFacts", module = "ostiary._core")]
pub struct PyTlsFacts {
    version: String,
    cipher: String,
    peer_certificate: Option<Py<PyBytes>>,
}

fn tls_facts(py: Python<'_>, facts: ostiary_session::tls::TlsFacts) -> PyResult<Py<PyTlsFacts>> {
    let peer_certificate = facts.peer_certificate.map(|der| PyBytes::new(py, &der).unbind());
    let ostiary_session::tls::TlsFacts { version, cipher, .. } = facts;
    Py::new(py, PyTlsFacts { version, cipher, peer_certificate })
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "Event", module = "ostiary._core")]
pub enum PyEvent {
    Connect {},
    UpstreamReady { tls: Option<Py<PyTlsFacts>> },
    UpstreamFailed { reason: String },
    StartUpstreamTls {},
    CloseUpstream { reason: String },
    Violation { peer: String, kind: String, detail: String },
    PauseClient {},
    ResumeClient {},
    Deadline { at: f64 },
    Decided { plugin: String, rule: String, mode: String, code: Option<u32>, operation: String },
    ClientChanged {},
    Held { hold: u32, stage: usize, generation: u64, operation: Py<PyString>, request: Py<PyBytes> },
    BadReplacement { stage: usize, generation: u64 },
    Finished { operation: String, request: Py<PyBytes>, code: u32, entries: u32 },
    Opaque {},
    Close { reason: String },
    Accepted { client: u64, host: Option<String>, port: u16 },
    NotAccepted { listening: u64, error: i32 },
    Connected {},
    NotConnected { error: i32 },
    ClientLost {},
    UpstreamLost {},
    Failed {},
}

fn event(py: Python<'_>, event: Event) -> PyResult<PyEvent> {
    Ok(match event {
        Event::Connect => PyEvent::Connect {},
        Event::UpstreamReady(facts) => {
            PyEvent::UpstreamReady { tls: facts.map(|facts| tls_facts(py, facts)).transpose()? }
        }
        Event::UpstreamFailed(reason) => PyEvent::UpstreamFailed { reason },
        Event::StartUpstreamTls => PyEvent::StartUpstreamTls {},
        Event::CloseUpstream(reason) => PyEvent::CloseUpstream { reason },
        Event::Violation(violation) => PyEvent::Violation {
            peer: violation.peer.to_string(),
            kind: violation.kind.to_string(),
            detail: violation.detail,
        },
        Event::PauseClient => PyEvent::PauseClient {},
        Event::ResumeClient => PyEvent::ResumeClient {},
        Event::Deadline(at) => PyEvent::Deadline { at },
        Event::Decided { plugin, rule, mode, code, operation } => {
            PyEvent::Decided { plugin, rule, mode: mode.to_string(), code, operation: text(operation) }
        }
        Event::ClientChanged => PyEvent::ClientChanged {},
        Event::Held { hold, stage, generation, operation, request } => {
            let operation = word(py, operation).unbind();
            PyEvent::Held { hold, stage, generation, operation, request: PyBytes::new(py, &request).unbind() }
        }
        Event::BadReplacement { stage, generation } => PyEvent::BadReplacement { stage, generation },
        Event::Finished { operation, request, code, entries } => {
            let request = PyBytes::new(py, &request).unbind();
            PyEvent::Finished { operation: text(operation), request, code, entries }
        }
        Event::Opaque => PyEvent::Opaque {},
        Event::Close(reason) => PyEvent::Close { reason: reason.to_string() },
        other => return Err(PyValueError::new_err(format!("an event that the bindings do not know: {other:?}"))),
    })
}

/// Seconds of the clock that `time.monotonic` reads.
pub(crate) fn steady_seconds() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a century fit to a microsecond")]
    let seconds = now.tv_sec as f64;
    #[expect(clippy::cast_precision_loss, reason = "below a second")]
    let rest = now.tv_nsec as f64 / 1e9;
    seconds + rest
}

/// The word for an operation; one object for each, which dictionaries find at a glance.
pub(crate) fn word(py: Python<'_>, operation: RequestKind) -> Bound<'_, PyString> {
    static WORDS: [PyOnceLock<Py<PyString>>; 16] = [const { PyOnceLock::new() }; 16];
    let make = || PyString::intern(py, ostiary_policy::spec::word(operation)).unbind();
    match WORDS.get(operation as usize) {
        Some(word) => word.get_or_init(py, make).bind(py).clone(),
        None => make().into_bound(py),
    }
}

fn text(operation: RequestKind) -> String {
    ostiary_policy::spec::word(operation).to_owned()
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "Session", module = "ostiary._core")]
pub struct PySession(pub(crate) Shared);

/// Events as Python values.
pub(crate) fn events(py: Python<'_>, events: impl ExactSizeIterator<Item = Event>) -> PyResult<Bound<'_, PyTuple>> {
    if events.len() == 0 {
        return Ok(PyTuple::empty(py));
    }
    PyTuple::new(py, events.map(|each| event(py, each)).collect::<PyResult<Vec<_>>>()?)
}

impl PySession {
    /// The session itself. One in which a call has panicked does not go on.
    #[inline]
    fn lock(&self) -> PyResult<impl DerefMut<Target = Session>> {
        self.0.lock().map_err(|_| PyRuntimeError::new_err("the session has failed"))
    }

    /// One call into the session, and what it asks for as Python values.
    #[inline]
    fn step<'py>(
        &self,
        py: Python<'py>,
        now: Option<f64>,
        call: impl FnOnce(&mut Session, &mut Step),
    ) -> PyResult<PyStep<'py>> {
        self.counted(py, now, Octets::default(), call)
    }

    /// The same, of a call that brings octets.
    #[inline]
    fn counted<'py>(
        &self,
        py: Python<'py>,
        now: Option<f64>,
        octets: Octets,
        call: impl FnOnce(&mut Session, &mut Step),
    ) -> PyResult<PyStep<'py>> {
        STEP.with_borrow_mut(|step| {
            step.clear();
            let mut session = self.lock()?;
            call(&mut session, step);
            if session.has_account() {
                // The core has no clock, so that its calls give the same whenever they are made; this is their edge.
                let over = steady_seconds();
                session.settle(now.unwrap_or(over), over, octets, step);
            }
            drop(session);
            let octets = |octets: &[u8]| (!octets.is_empty()).then(|| PyBytes::new(py, octets));
            let events = events(py, step.events.drain(..))?;
            Ok((octets(step.to_client()), octets(step.to_upstream()), events))
        })
    }
}

#[pymethods]
impl PySession {
    #[new]
    #[pyo3(signature = (settings, now, address=None))]
    fn new(settings: &PySettings, now: f64, address: Option<&str>) -> PyResult<Self> {
        Ok(Self(shared(Session::new(Arc::clone(&settings.0), crate::policy::address(address)?, now))))
    }

    fn client_data<'py>(&self, py: Python<'py>, data: &Bound<'py, PyBytes>, now: f64) -> PyResult<PyStep<'py>> {
        let octets = Octets { from_client: data.as_bytes().len(), ..Octets::default() };
        self.counted(py, Some(now), octets, |session, step| session.client_data(data.as_bytes(), now, step))
    }

    fn enter(&self, connection: u64, port: u16, now: f64) -> PyResult<()> {
        self.lock()?.enter(connection, port, now);
        Ok(())
    }

    fn turn_away(
        &self,
        connection: u64,
        port: u16,
        reason: &str,
        plugin: Option<&str>,
        rule: Option<&str>,
        now: f64,
    ) -> PyResult<()> {
        self.lock()?.turn_away(connection, port, reason, plugin.zip(rule), now);
        Ok(())
    }

    fn client_eof<'py>(&self, py: Python<'py>, now: f64) -> PyResult<PyStep<'py>> {
        self.step(py, Some(now), |session, step| session.client_eof(now, step))
    }

    fn client_gone<'py>(&self, py: Python<'py>) -> PyResult<PyStep<'py>> {
        self.step(py, None, Session::client_gone)
    }

    fn upstream_data<'py>(&self, py: Python<'py>, data: &Bound<'py, PyBytes>, now: f64) -> PyResult<PyStep<'py>> {
        let octets = Octets { from_upstream: data.as_bytes().len(), ..Octets::default() };
        self.counted(py, Some(now), octets, |session, step| session.upstream_data(data.as_bytes(), now, step))
    }

    fn upstream_eof<'py>(&self, py: Python<'py>, now: f64) -> PyResult<PyStep<'py>> {
        self.step(py, Some(now), |session, step| session.upstream_eof(now, step))
    }

    fn upstream_connected<'py>(&self, py: Python<'py>, setup: &PyServerSetup, now: f64) -> PyResult<PyStep<'py>> {
        if let Some(server) = &setup.server {
            self.lock()?.note_server(server);
        }
        self.step(py, Some(now), |session, step| session.upstream_connected(&setup.tls, now, step))
    }

    fn upstream_tls_established<'py>(&self, py: Python<'py>, now: f64) -> PyResult<PyStep<'py>> {
        self.step(py, Some(now), |session, step| session.upstream_tls_established(now, step))
    }

    fn upstream_abandoned(&self) -> PyResult<()> {
        self.lock()?.upstream_abandoned();
        Ok(())
    }

    fn upstream_unreachable<'py>(&self, py: Python<'py>, now: f64) -> PyResult<PyStep<'py>> {
        self.step(py, Some(now), |session, step| session.upstream_unreachable(now, step))
    }

    fn expire<'py>(&self, py: Python<'py>, now: f64) -> PyResult<PyStep<'py>> {
        self.step(py, Some(now), |session, step| session.expire(now, step))
    }

    fn resume<'py>(&self, py: Python<'py>, hold: u32, verdict: &PyVerdict, now: f64) -> PyResult<PyStep<'py>> {
        let verdict = verdict.into();
        self.step(py, Some(now), |session, step| session.resume(hold, verdict, now, step))
    }

    #[pyo3(signature = (settings, now, address=None))]
    fn renew<'py>(
        &self,
        py: Python<'py>,
        settings: &PySettings,
        now: f64,
        address: Option<&str>,
    ) -> PyResult<PyStep<'py>> {
        let (settings, address) = (Arc::clone(&settings.0), crate::policy::address(address)?);
        self.step(py, Some(now), |session, step| session.renew(settings, address, now, step))
    }

    fn shut_down<'py>(&self, py: Python<'py>) -> PyResult<PyStep<'py>> {
        self.step(py, None, Session::shut_down)
    }

    fn drain<'py>(&self, py: Python<'py>) -> PyResult<PyStep<'py>> {
        self.step(py, None, Session::drain)
    }

    #[getter]
    fn deadline(&self) -> PyResult<f64> {
        Ok(self.lock()?.deadline())
    }

    #[getter]
    fn identity(&self) -> PyResult<String> {
        Ok(self.lock()?.identity().text())
    }

    #[getter]
    fn outstanding(&self) -> PyResult<usize> {
        Ok(self.lock()?.outstanding())
    }

    #[getter]
    fn idle_since(&self) -> PyResult<Option<f64>> {
        Ok(self.lock()?.idle_since())
    }

    #[getter]
    fn client_tls(&self, py: Python<'_>) -> PyResult<Option<Py<PyTlsFacts>>> {
        self.lock()?.client_tls().map(|facts| tls_facts(py, facts)).transpose()
    }
}
