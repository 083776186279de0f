//! A stream of bytes cut into messages, for Python's own ends of a connection: the demo and tests.

use ostiary_ldap::frame::Frame;
use pyo3::prelude::*;

use super::convert::Octets;

/// See `_core.pyi`.
#[pyclass(module = "ostiary._core")]
pub struct Framer {
    message_bytes_max: usize,
    buffer: Vec<u8>,
    #[pyo3(get)]
    fault: Option<String>,
}

#[pymethods]
impl Framer {
    #[new]
    fn new(message_bytes_max: usize) -> Self {
        Self { message_bytes_max, buffer: Vec::new(), fault: None }
    }

    fn feed(&mut self, data: &[u8]) -> Vec<Octets> {
        let mut messages = Vec::new();
        if self.fault.is_some() {
            return messages;
        }
        self.buffer.extend_from_slice(data);
        let mut start = 0;
        while let Some(rest) = self.buffer.get(start..) {
            match Frame::peek(rest) {
                Ok(Some(frame)) if frame.length > self.message_bytes_max => {
                    self.fault = Some(format!(
                        "LDAPMessage: length {} exceeds the limit of {}",
                        frame.length, self.message_bytes_max
                    ));
                    break;
                }
                Ok(Some(frame)) => {
                    let Some(message) = rest.get(..frame.length) else { break };
                    messages.push(Octets::from(message));
                    start += frame.length;
                }
                Ok(None) => break,
                Err(error) => {
                    self.fault = Some(error.to_string());
                    break;
                }
            }
        }
        self.buffer.drain(..start);
        messages
    }

    #[getter]
    fn buffered(&self) -> usize {
        self.buffer.len()
    }
}
