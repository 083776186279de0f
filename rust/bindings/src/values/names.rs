//! DNs and attribute descriptions as Python values. How they are normalised is decided in `ostiary_ldap`.

use ostiary_ldap::{attribute, dn};
use pyo3::prelude::*;

use super::convert::{Tuple, value_error};

/// See `_core.pyi`.
#[pyclass(frozen, eq, hash, module = "ostiary._core")]
#[derive(PartialEq, Eq, Hash)]
pub struct Dn(dn::Dn);

#[pymethods]
impl Dn {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        dn::Dn::parse(text).map(Self).map_err(value_error)
    }

    #[getter]
    fn parent(&self) -> Option<Self> {
        self.0.parent().map(Self)
    }

    #[getter]
    fn rdns(&self) -> Tuple<Tuple<(String, String)>> {
        let pairs = |rdn: &dn::Rdn| Tuple(rdn.avas().iter().map(pair).collect());
        Tuple(self.0.rdns().iter().map(pairs).collect())
    }

    fn is_within(&self, base: &Self) -> bool {
        self.0.is_within(&base.0)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("Dn({:?})", self.0.to_string())
    }
}

/// A value that is no text stands as RFC 4514's `#` and hexadecimal digits.
fn pair(ava: &dn::Ava) -> (String, String) {
    let value = ava.text().map_or_else(
        || ava.to_string().split_once('=').map(|(_, value)| value.to_owned()).unwrap_or_default(),
        str::to_owned,
    );
    (ava.attribute_type().to_string(), value)
}

/// See `_core.pyi`.
#[pyclass(frozen, eq, hash, module = "ostiary._core")]
#[derive(PartialEq, Eq, Hash)]
pub struct AttributeDescription(pub attribute::AttributeDescription);

#[pymethods]
impl AttributeDescription {
    #[new]
    fn new(text: &str) -> PyResult<Self> {
        attribute::AttributeDescription::parse(text.as_bytes()).map(Self).map_err(value_error)
    }

    #[getter]
    fn r#type(&self) -> &str {
        self.0.attribute_type().as_str()
    }

    #[getter]
    fn options(&self) -> Tuple<&str> {
        Tuple(self.0.options().collect())
    }

    fn covers(&self, other: &Self) -> bool {
        self.0.covers(&other.0)
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }

    fn __repr__(&self) -> String {
        format!("AttributeDescription({:?})", self.0.to_string())
    }
}
