//! The value of the paged results control (RFC 2696).
//!
//! ```text
//! realSearchControlValue ::= SEQUENCE {
//!      size            INTEGER (0..maxInt),
//!      cookie          OCTET STRING }
//! ```

use ostiary_ber::{Writer, tag};
use ostiary_ldap::message::paged_results;
use pyo3::prelude::*;

use super::convert::{Octets, value_error};

/// See `_core.pyi`.
#[pyclass(frozen, eq, get_all, module = "ostiary._core")]
#[derive(PartialEq, Eq)]
pub struct PagedResults {
    size: u32,
    cookie: Octets,
}

#[pymethods]
impl PagedResults {
    #[new]
    #[pyo3(signature = (size, cookie = Octets(Vec::new())), text_signature = "(size, cookie=b'')")]
    fn new(size: u32, cookie: Octets) -> Self {
        Self { size, cookie }
    }

    #[staticmethod]
    fn decode(control_value: &[u8]) -> PyResult<Self> {
        let (size, cookie) = paged_results(control_value).map_err(value_error)?;
        Ok(Self { size, cookie: Octets::from(cookie) })
    }

    fn encode(&self) -> Octets {
        let mut out = Vec::new();
        Writer::append(&mut out, |writer| {
            writer.sequence(tag::SEQUENCE, |writer| {
                writer.integer(i64::from(self.size));
                writer.octet_string(tag::OCTET_STRING, &self.cookie.0);
            });
        });
        Octets(out)
    }
}
