//! `ostiary._core`: the boundary between the Rust core and Python. Converts and documents; holds no logic.
//! The contract is `python/ostiary/_core.pyi`.

mod session;
mod tls;

use pyo3::prelude::*;

/// The Rust core of Ostiary.
#[pymodule]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::session::{PyEvent, PySession, PySettings, PyTlsFacts};
    #[pymodule_export]
    use super::tls::{PyListenerTls, PyServerSetup, PyUpstreamTls};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
