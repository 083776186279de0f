//! `LDAPMessage` as a Python value, and what belongs to no single operation. Reading is decode.rs, writing encode.rs.

use ostiary_ldap::message::RequestKind;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::convert::{Octets, Tuple};
use super::encode::encode;
use super::request::{
    AbandonRequest, AddRequest, BindRequest, CompareRequest, DelRequest, ExtendedRequest, ModifyDnRequest,
    ModifyRequest, SearchRequest, UnbindRequest,
};
use super::response::{IntermediateResponse, LdapResult, SearchResultEntry, SearchResultReference};

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, from_py_object, module = "ostiary._core")]
#[derive(Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the names of RFC 4511")]
pub struct Control {
    pub control_type: String,
    pub criticality: bool,
    pub control_value: Option<Octets>,
}

#[pymethods]
impl Control {
    #[new]
    #[pyo3(signature = (control_type, criticality = false, control_value = None))]
    fn new(control_type: String, criticality: bool, control_value: Option<Octets>) -> Self {
        Self { control_type, criticality, control_value }
    }
}

/// See `_core.pyi`.
#[pyclass(frozen, get_all, module = "ostiary._core")]
#[expect(clippy::struct_field_names, reason = "the names of RFC 4511")]
pub struct Message {
    pub message_id: u32,
    pub operation: Py<PyAny>,
    pub controls: Tuple<Control>,
}

#[pymethods]
impl Message {
    #[new]
    #[pyo3(
        signature = (message_id, operation, controls = Tuple::default()),
        text_signature = "(message_id, operation, controls=())"
    )]
    fn new(message_id: u32, operation: Bound<'_, PyAny>, controls: Tuple<Control>) -> PyResult<Self> {
        kind_of(&operation)?;
        Ok(Self { message_id, operation: operation.unbind(), controls })
    }

    #[getter]
    fn kind(&self, py: Python<'_>) -> PyResult<&'static str> {
        kind_of(self.operation.bind(py))
    }

    fn encode(&self, py: Python<'_>) -> PyResult<Octets> {
        encode(self, self.operation.bind(py)).map(Octets)
    }
}

/// What an operation is, in the core's words.
fn kind_of(operation: &Bound<'_, PyAny>) -> PyResult<&'static str> {
    if let Ok(result) = operation.cast::<LdapResult>() {
        return Ok(result.get().request.name());
    }
    let kinds: [(bool, &'static str); 13] = [
        (operation.is_instance_of::<BindRequest>(), RequestKind::Bind.name()),
        (operation.is_instance_of::<UnbindRequest>(), RequestKind::Unbind.name()),
        (operation.is_instance_of::<SearchRequest>(), RequestKind::Search.name()),
        (operation.is_instance_of::<ModifyRequest>(), RequestKind::Modify.name()),
        (operation.is_instance_of::<AddRequest>(), RequestKind::Add.name()),
        (operation.is_instance_of::<DelRequest>(), RequestKind::Delete.name()),
        (operation.is_instance_of::<ModifyDnRequest>(), RequestKind::ModifyDn.name()),
        (operation.is_instance_of::<CompareRequest>(), RequestKind::Compare.name()),
        (operation.is_instance_of::<AbandonRequest>(), RequestKind::Abandon.name()),
        (operation.is_instance_of::<ExtendedRequest>(), RequestKind::Extended.name()),
        (operation.is_instance_of::<SearchResultEntry>(), "search_entry"),
        (operation.is_instance_of::<SearchResultReference>(), "search_reference"),
        (operation.is_instance_of::<IntermediateResponse>(), "intermediate"),
    ];
    kinds
        .into_iter()
        .find_map(|(is, name)| is.then_some(name))
        .ok_or_else(|| PyTypeError::new_err("not an operation of LDAP"))
}

/// See `_core.pyi`.
#[pyfunction]
pub fn notice_of_disconnection(result_code: u32, diagnostic_message: &str) -> Octets {
    let mut out = Vec::new();
    write::notice_of_disconnection(&mut out, ResultCode(result_code), diagnostic_message);
    Octets(out)
}

/// See `_core.pyi`.
#[pyfunction]
pub fn result_code_name(result_code: u32) -> String {
    ResultCode(result_code).to_string()
}
