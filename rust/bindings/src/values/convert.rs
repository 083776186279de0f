//! Conversions that `PyO3` leaves open: octets as `bytes` and nothing else, sequences as tuples, text that must be UTF-8.

use core::convert::Infallible;
use core::fmt::Display;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};

/// An OCTET STRING: `bytes` in Python.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Octets(pub Vec<u8>);

impl From<&[u8]> for Octets {
    fn from(octets: &[u8]) -> Self {
        Self(octets.to_vec())
    }
}

impl<'py> IntoPyObject<'py> for Octets {
    type Target = PyBytes;
    type Output = Bound<'py, PyBytes>;
    type Error = Infallible;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        Ok(PyBytes::new(py, &self.0))
    }
}

impl<'py> FromPyObject<'_, 'py> for Octets {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> Result<Self, Self::Error> {
        Ok(Self(object.cast::<PyBytes>()?.as_bytes().to_vec()))
    }
}

/// Many of a kind: a tuple in Python, so that what is frozen stays so; read from any sequence.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Tuple<T>(pub Vec<T>);

impl<T> Default for Tuple<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'py, T: IntoPyObject<'py>> IntoPyObject<'py> for Tuple<T> {
    type Target = PyTuple;
    type Output = Bound<'py, PyTuple>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        PyTuple::new(py, self.0)
    }
}

impl<'a, 'py, T> FromPyObject<'a, 'py> for Tuple<T>
where
    Vec<T>: FromPyObject<'a, 'py>,
{
    type Error = <Vec<T> as FromPyObject<'a, 'py>>::Error;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Self::Error> {
        Ok(Self(object.extract()?))
    }
}

/// An `LDAPString` as text. RFC 4511 section 4.1.2 makes it UTF-8; anything else is the sender's fault.
pub fn text(field: &str, octets: &[u8]) -> PyResult<String> {
    core::str::from_utf8(octets)
        .map(str::to_owned)
        .map_err(|error| PyValueError::new_err(format!("{field}: not UTF-8: {error}")))
}

/// Any error of the core as Python's `ValueError`, with its own words.
pub fn value_error(error: impl Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}
