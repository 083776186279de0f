//! Requests as Python values, with the parts they share with responses. Conversion to and from bytes: `message.rs`.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::convert::{Octets, Tuple};
use super::filter::Filter;

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, from_py_object, module = "ostiary._core")]
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    pub description: String,
    pub values: Tuple<Octets>,
}

#[pymethods]
impl Attribute {
    #[new]
    #[pyo3(signature = (description, values = Tuple::default()), text_signature = "(description, values=())")]
    fn new(description: String, values: Tuple<Octets>) -> Self {
        Self { description, values }
    }
}

/// The operations of a modify request, in the order of their numbers (RFC 4511 section 4.6, RFC 4525).
pub const CHANGE_OPERATIONS: [&str; 4] = ["add", "delete", "replace", "increment"];

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, from_py_object, module = "ostiary._core")]
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    pub operation: String,
    pub modification: Attribute,
}

#[pymethods]
impl Change {
    #[new]
    fn new(operation: String, modification: Attribute) -> PyResult<Self> {
        if CHANGE_OPERATIONS.contains(&operation.as_str()) {
            Ok(Self { operation, modification })
        } else {
            Err(PyValueError::new_err(format!("not an operation of a modify request: {operation}")))
        }
    }
}

/// See `_core.pyi`. Has no repr of its own, so that none shows a password.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct BindRequest {
    pub version: u8,
    pub name: String,
    pub simple: Option<Octets>,
    pub mechanism: Option<String>,
    pub credentials: Option<Octets>,
}

#[pymethods]
impl BindRequest {
    #[new]
    #[pyo3(signature = (version, name, *, simple = None, mechanism = None, credentials = None))]
    fn new(
        version: u8,
        name: String,
        simple: Option<Octets>,
        mechanism: Option<String>,
        credentials: Option<Octets>,
    ) -> Self {
        Self { version, name, simple, mechanism, credentials }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct UnbindRequest;

#[pymethods]
impl UnbindRequest {
    #[new]
    fn new() -> Self {
        Self
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct SearchRequest {
    pub base_object: String,
    pub scope: u8,
    pub filter: Filter,
    pub attributes: Tuple<String>,
    pub deref_aliases: u8,
    pub size_limit: u32,
    pub time_limit: u32,
    pub types_only: bool,
}

#[pymethods]
impl SearchRequest {
    #[new]
    #[pyo3(
        signature = (
            base_object, scope, filter, attributes = Tuple::default(), *,
            deref_aliases = 0, size_limit = 0, time_limit = 0, types_only = false
        ),
        text_signature = "(base_object, scope, filter, attributes=(), *, \
            deref_aliases=0, size_limit=0, time_limit=0, types_only=False)"
    )]
    #[expect(clippy::too_many_arguments, reason = "a search request has eight parts")]
    fn new(
        base_object: String,
        scope: u8,
        filter: Filter,
        attributes: Tuple<String>,
        deref_aliases: u8,
        size_limit: u32,
        time_limit: u32,
        types_only: bool,
    ) -> Self {
        Self { base_object, scope, filter, attributes, deref_aliases, size_limit, time_limit, types_only }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct ModifyRequest {
    pub object: String,
    pub changes: Tuple<Change>,
}

#[pymethods]
impl ModifyRequest {
    #[new]
    fn new(object: String, changes: Tuple<Change>) -> Self {
        Self { object, changes }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct AddRequest {
    pub entry: String,
    pub attributes: Tuple<Attribute>,
}

#[pymethods]
impl AddRequest {
    #[new]
    fn new(entry: String, attributes: Tuple<Attribute>) -> Self {
        Self { entry, attributes }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct DelRequest {
    pub entry: String,
}

#[pymethods]
impl DelRequest {
    #[new]
    fn new(entry: String) -> Self {
        Self { entry }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct ModifyDnRequest {
    pub entry: String,
    pub new_rdn: String,
    pub delete_old_rdn: bool,
    pub new_superior: Option<String>,
}

#[pymethods]
impl ModifyDnRequest {
    #[new]
    #[pyo3(signature = (entry, new_rdn, delete_old_rdn = true, new_superior = None))]
    fn new(entry: String, new_rdn: String, delete_old_rdn: bool, new_superior: Option<String>) -> Self {
        Self { entry, new_rdn, delete_old_rdn, new_superior }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct CompareRequest {
    pub entry: String,
    pub attribute_desc: String,
    pub assertion_value: Octets,
}

#[pymethods]
impl CompareRequest {
    #[new]
    fn new(entry: String, attribute_desc: String, assertion_value: Octets) -> Self {
        Self { entry, attribute_desc, assertion_value }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct AbandonRequest {
    pub message_id: i64,
}

#[pymethods]
impl AbandonRequest {
    #[new]
    fn new(message_id: i64) -> Self {
        Self { message_id }
    }
}

/// See `_core.pyi`. Has no repr of its own, so that none shows the passwords of a password modify.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct ExtendedRequest {
    pub request_name: String,
    pub request_value: Option<Octets>,
}

#[pymethods]
impl ExtendedRequest {
    #[new]
    #[pyo3(signature = (request_name, request_value = None))]
    fn new(request_name: String, request_value: Option<Octets>) -> Self {
        Self { request_name, request_value }
    }
}
