//! `Policy` and `Verdict` as Python classes: converts, and holds no logic.

use std::net::IpAddr;
use std::sync::Arc;

use ostiary_ldap::message::{FilterLimits, Request};
use ostiary_policy::chain::Entry;
use ostiary_policy::spec::PolicySpec;
use ostiary_policy::{Certificate, ClientFacts, Fault, Policy, Tickets, Told, Who};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// See `_core.pyi`.
#[pyclass(frozen, name = "Policy", module = "ostiary._core")]
pub struct PyPolicy(pub Arc<Policy>);

/// Stage, key path and message, or stage, rule and message.
type Remark = (usize, String, String);

#[pymethods]
impl PyPolicy {
    #[new]
    fn new(spec: &str, key: [u8; 16]) -> PyResult<Self> {
        let compiled = Policy::compile(&read(spec)?, key).map_err(|faults| first_fault(&faults))?;
        Ok(Self(Arc::new(compiled)))
    }

    #[staticmethod]
    fn faults(spec: &str) -> PyResult<Vec<Remark>> {
        let faults = Policy::compile(&read(spec)?, [0; 16]).err().unwrap_or_default();
        Ok(faults.into_iter().map(|(stage, fault)| (stage, fault.path, fault.message)).collect())
    }

    #[staticmethod]
    fn warnings(spec: &str) -> PyResult<Vec<Remark>> {
        Ok(Policy::compile(&read(spec)?, [0; 16]).map(|policy| policy.warnings()).unwrap_or_default())
    }

    #[getter]
    fn limits_connections(&self) -> bool {
        self.0.limits_connections()
    }

    /// Whether a client may connect: an entry to give back, or the names of plugin and rule.
    fn admit(&self, listener: &str, address: Option<&str>, now: f64) -> PyResult<PyEntry> {
        let facts = facts(listener, address, false, None)?;
        Ok(match self.0.admit(&facts, now) {
            Entry::Admitted(tickets, told) => PyEntry {
                policy: Arc::clone(&self.0),
                tickets,
                refused: None,
                monitored: told.iter().map(|told| self.names(told)).collect(),
            },
            Entry::Refused(told) => PyEntry {
                policy: Arc::clone(&self.0),
                tickets: Tickets::default(),
                refused: Some(self.names(&told)),
                monitored: Vec::new(),
            },
        })
    }

    fn explain(
        &self,
        listener: &str,
        address: Option<&str>,
        tls: bool,
        certificate: Option<&[u8]>,
        identity: &str,
        request: &[u8],
    ) -> PyResult<String> {
        let facts = facts(listener, address, tls, certificate)?;
        let limits = FilterLimits { depth: usize::MAX, nodes: usize::MAX };
        let request = Request::parse(request, &limits).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(self.0.explain(&facts, &Who::from_name(identity.as_bytes()), &request))
    }
}

/// See `_core.pyi`.
#[pyclass(name = "Entry", module = "ostiary._core")]
pub struct PyEntry {
    policy: Arc<Policy>,
    tickets: Tickets,
    #[pyo3(get)]
    refused: Option<(String, String)>,
    #[pyo3(get)]
    monitored: Vec<(String, String)>,
}

impl PyPolicy {
    fn names(&self, told: &Told) -> (String, String) {
        let (plugin, rule) = self.0.names(told);
        (plugin.to_owned(), rule.to_owned())
    }
}

#[pymethods]
impl PyEntry {
    /// The client is gone.
    fn release(&mut self) {
        self.policy.release(&mut self.tickets);
    }
}

/// What is raised for a policy with faults.
pub fn first_fault(faults: &[(usize, Fault)]) -> PyErr {
    let first = faults.first().map(|(stage, fault)| format!("stages[{stage}].{}: {}", fault.path, fault.message));
    PyValueError::new_err(first.unwrap_or_default())
}

pub fn read(spec: &str) -> PyResult<PolicySpec> {
    serde_json::from_str(spec).map_err(|error| PyValueError::new_err(error.to_string()))
}

pub fn address(text: Option<&str>) -> PyResult<Option<IpAddr>> {
    let parse = |text: &str| {
        // A scope (`fe80::1%eth0`) names a link, not the client.
        let plain = text.split('%').next().unwrap_or_default();
        let address = plain.parse::<IpAddr>().map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok::<_, PyErr>(address.to_canonical())
    };
    text.map(parse).transpose()
}

fn facts(listener: &str, text: Option<&str>, tls: bool, certificate: Option<&[u8]>) -> PyResult<ClientFacts> {
    let certificate = certificate.and_then(Certificate::from_der).map(Arc::new);
    Ok(ClientFacts { address: address(text)?, listener: Arc::from(listener), tls, certificate })
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "Verdict", module = "ostiary._core")]
#[derive(Clone)]
pub enum PyVerdict {
    Pass {},
    Refuse { code: u32, text: String },
    Replace { request: Vec<u8> },
    Close { text: String },
}

impl From<&PyVerdict> for ostiary_session::Verdict {
    fn from(verdict: &PyVerdict) -> Self {
        match verdict.clone() {
            PyVerdict::Pass {} => Self::Pass,
            PyVerdict::Refuse { code, text } => Self::Refuse { code, text },
            PyVerdict::Replace { request } => Self::Replace(request),
            PyVerdict::Close { text } => Self::Close(text),
        }
    }
}
