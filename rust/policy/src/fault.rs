//! What is wrong with a specification: every fault at once, each with its key path.

use core::fmt::Display;

/// One fault of a specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where, from the stage on, as `rules[2].filter`.
    pub path: String,
    /// What is wrong, and the remedy: lower case, no full stop, the value last behind a colon.
    pub message: String,
}

/// Collects faults while a specification is compiled.
#[derive(Debug, Default)]
pub struct Faults {
    path: Vec<String>,
    found: Vec<Fault>,
}

impl Faults {
    /// What `read` gives, its faults found at `key` below the present place.
    pub fn within<T>(&mut self, key: impl Display, read: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(key.to_string());
        let value = read(self);
        self.path.pop();
        value
    }

    /// Adds a fault at the present place.
    pub fn add(&mut self, message: impl Into<String>) {
        let mut path = String::new();
        for part in &self.path {
            if !path.is_empty() && !part.starts_with('[') {
                path.push('.');
            }
            path.push_str(part);
        }
        self.found.push(Fault { path, message: message.into() });
    }

    /// The value, or a fault at the present place and none.
    pub fn take<T, E: Display>(&mut self, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(error.to_string())).ok()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Everything that was found, in order.
    pub fn into_vec(self) -> Vec<Fault> {
        self.found
    }
}
