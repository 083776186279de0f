//! `ostiary._core`: the boundary between the Rust core and Python. Converts and documents; holds no logic.

use pyo3::prelude::*;

/// The Rust core of Ostiary.
#[pymodule]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
