//! Responses as Python values. Conversion to and from bytes: `message.rs`.

use ostiary_ldap::message::RequestKind;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::convert::{Octets, Tuple};
use super::request::Attribute;

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct SearchResultEntry {
    pub object_name: String,
    pub attributes: Tuple<Attribute>,
}

#[pymethods]
impl SearchResultEntry {
    #[new]
    fn new(object_name: String, attributes: Tuple<Attribute>) -> Self {
        Self { object_name, attributes }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct SearchResultReference {
    pub uris: Tuple<String>,
}

#[pymethods]
impl SearchResultReference {
    #[new]
    fn new(uris: Tuple<String>) -> Self {
        Self { uris }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct IntermediateResponse {
    pub response_name: Option<String>,
    pub response_value: Option<Octets>,
}

#[pymethods]
impl IntermediateResponse {
    #[new]
    #[pyo3(signature = (response_name = None, response_value = None))]
    fn new(response_name: Option<String>, response_value: Option<Octets>) -> Self {
        Self { response_name, response_value }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct LdapResult {
    /// What it answers; of a kind that has a response.
    pub request: RequestKind,
    #[pyo3(get)]
    pub result_code: u32,
    #[pyo3(get)]
    pub matched_dn: String,
    #[pyo3(get)]
    pub diagnostic_message: String,
    #[pyo3(get)]
    pub referral: Tuple<String>,
    #[pyo3(get)]
    pub server_sasl_creds: Option<Octets>,
    #[pyo3(get)]
    pub response_name: Option<String>,
    #[pyo3(get)]
    pub response_value: Option<Octets>,
}

#[pymethods]
impl LdapResult {
    #[new]
    #[pyo3(
        signature = (
            kind, result_code, matched_dn = String::new(), diagnostic_message = String::new(), *,
            referral = Tuple::default(), server_sasl_creds = None, response_name = None, response_value = None
        ),
        text_signature = "(kind, result_code, matched_dn='', diagnostic_message='', *, \
            referral=(), server_sasl_creds=None, response_name=None, response_value=None)"
    )]
    #[expect(clippy::too_many_arguments, reason = "a result has eight parts")]
    fn new(
        kind: &str,
        result_code: u32,
        matched_dn: String,
        diagnostic_message: String,
        referral: Tuple<String>,
        server_sasl_creds: Option<Octets>,
        response_name: Option<String>,
        response_value: Option<Octets>,
    ) -> PyResult<Self> {
        let request = RequestKind::ALL
            .into_iter()
            .find(|request| request.name() == kind && request.response().is_some())
            .ok_or_else(|| PyValueError::new_err(format!("no result is of this kind: {kind}")))?;
        Ok(Self {
            request,
            result_code,
            matched_dn,
            diagnostic_message,
            referral,
            server_sasl_creds,
            response_name,
            response_value,
        })
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.request.name()
    }
}
