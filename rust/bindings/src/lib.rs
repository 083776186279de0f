//! `ostiary._core`: the boundary between the Rust core and Python. Converts and documents; holds no logic.
//! The contract is `python/ostiary/_core.pyi`.

mod driver;
mod hooks;
mod policy;
mod questions;
mod session;
mod shared;
mod tls;
mod values;

use pyo3::prelude::*;

/// The Rust core of Ostiary.
#[pymodule]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::driver::PyDriver;
    #[pymodule_export]
    use super::hooks::{PyRawRequest, PyStopwatch};
    #[pymodule_export]
    use super::policy::{PyEntry, PyPolicy, PyVerdict};
    #[pymodule_export]
    use super::questions::PyQuestions;
    #[pymodule_export]
    use super::session::{PyEvent, PySession, PySettings, PyTlsFacts};
    #[pymodule_export]
    use super::shared::{PyHold, PyMeters, PyShared, PyTotals, audit_fields};
    #[pymodule_export]
    use super::tls::{PyListenerTls, PyServerSetup, PyUpstreamTls};

    #[pymodule_export]
    use super::values::{
        AbandonRequest, AddRequest, Attribute, AttributeDescription, BindRequest, Change, CompareRequest, Control,
        DelRequest, Dn, ExtendedRequest, Filter, Framer, IntermediateResponse, LdapResult, Message, ModifyDnRequest,
        ModifyRequest, PagedResults, SearchRequest, SearchResultEntry, SearchResultReference, UnbindRequest,
        decode_request, decode_response, notice_of_disconnection, result_code_name,
    };

    #[pymodule_export]
    const PAGED_RESULTS_OID: &str = ostiary_ldap::oid::PAGED_RESULTS_OID;
    #[pymodule_export]
    const START_TLS_OID: &str = ostiary_ldap::oid::START_TLS_OID;
    #[pymodule_export]
    const WHO_AM_I_OID: &str = ostiary_ldap::oid::WHO_AM_I_OID;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
