//! TLS configurations as Python values: DER in. Reads no files; those are `ostiary.tls`'s.

use std::sync::Arc;

use ostiary_session::tls_config::{self, ClientAuth, Identity, MinVersion, TlsConfigError};
use ostiary_session::{ListenerTls, UpstreamTls};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// A chain (DER, end entity first), its key (PKCS #8, DER) and the names it is chosen by.
type PyIdentity = (Vec<Vec<u8>>, Vec<u8>, Vec<String>);

fn identity((chain, key, names): PyIdentity) -> Identity {
    Identity { chain, key, names }
}

fn min_version(version: &str) -> PyResult<MinVersion> {
    match version {
        "1.2" => Ok(MinVersion::Tls12),
        "1.3" => Ok(MinVersion::Tls13),
        other => Err(PyValueError::new_err(format!("min_version is 1.2 or 1.3: {other}"))),
    }
}

fn refused(error: &TlsConfigError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "ListenerTls", module = "ostiary._core")]
pub struct PyListenerTls(pub ListenerTls);

#[pymethods]
impl PyListenerTls {
    #[new]
    #[pyo3(signature = (mode, identities, *, client_authorities = Vec::new(), client_auth = "none", min_version = "1.2"))]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 converts into owned values")]
    fn new(
        mode: &str,
        identities: Vec<PyIdentity>,
        client_authorities: Vec<Vec<u8>>,
        client_auth: &str,
        min_version: &str,
    ) -> PyResult<Self> {
        if mode == "none" {
            return Ok(Self(ListenerTls::None));
        }
        let client_auth = match client_auth {
            "none" => ClientAuth::None,
            "optional" => ClientAuth::Optional,
            "required" => ClientAuth::Required,
            other => return Err(PyValueError::new_err(format!("client_auth is none, optional or required: {other}"))),
        };
        let identities = identities.into_iter().map(identity).collect();
        let version = self::min_version(min_version)?;
        let config = tls_config::listener_tls(identities, &client_authorities, client_auth, version)
            .map_err(|error| refused(&error))?;
        match mode {
            "starttls" => Ok(Self(ListenerTls::StartTls(config))),
            "ldaps" => Ok(Self(ListenerTls::Ldaps(config))),
            other => Err(PyValueError::new_err(format!("mode is none, starttls or ldaps: {other}"))),
        }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "UpstreamTls", module = "ostiary._core")]
pub struct PyUpstreamTls(Arc<rustls::ClientConfig>);

#[pymethods]
impl PyUpstreamTls {
    #[new]
    #[pyo3(signature = (authorities, *, verify = true, identity = None, min_version = "1.2"))]
    #[expect(clippy::needless_pass_by_value, reason = "PyO3 converts into owned values")]
    fn new(authorities: Vec<Vec<u8>>, verify: bool, identity: Option<PyIdentity>, min_version: &str) -> PyResult<Self> {
        let identity = identity.map(self::identity);
        tls_config::upstream_tls(&authorities, verify, identity, self::min_version(min_version)?)
            .map(Self)
            .map_err(|error| refused(&error))
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, name = "ServerSetup", module = "ostiary._core")]
pub struct PyServerSetup {
    pub tls: Arc<UpstreamTls>,
    /// As records name it.
    pub server: Option<Arc<str>>,
}

#[pymethods]
impl PyServerSetup {
    #[new]
    #[pyo3(signature = (mode, tls = None, name = None, *, server = None))]
    fn new(mode: &str, tls: Option<&PyUpstreamTls>, name: Option<&str>, server: Option<&str>) -> PyResult<Self> {
        let setup = match (mode, tls, name) {
            ("none", None, None) => UpstreamTls::None,
            ("starttls", None, None) => UpstreamTls::ExternalStartTls,
            ("starttls", Some(tls), Some(name)) => UpstreamTls::StartTls(Arc::clone(&tls.0), server_name(name)?),
            ("ldaps", Some(tls), Some(name)) => UpstreamTls::Ldaps(Arc::clone(&tls.0), server_name(name)?),
            _ => return Err(PyValueError::new_err(format!("these do not fit together: mode {mode}, tls, name"))),
        };
        Ok(Self { tls: Arc::new(setup), server: server.map(Arc::from) })
    }
}

fn server_name(name: &str) -> PyResult<rustls::pki_types::ServerName<'static>> {
    tls_config::server_name(name).map_err(|error| refused(&error))
}
