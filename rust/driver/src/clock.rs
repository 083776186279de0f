//! What time calls into sessions are given: read no more often than anybody can tell the difference.

/// Seconds of a steady clock.
#[derive(Debug)]
pub(crate) struct Clock {
    read: fn() -> f64,
    /// What it said last, if nothing has taken time since but calls into sessions.
    last: Option<f64>,
}

impl Clock {
    pub(crate) fn new(read: fn() -> f64) -> Self {
        Self { read, last: None }
    }

    /// The time when a call begins: that at which the last one ended, if nothing came in between.
    #[inline]
    pub(crate) fn begin(&mut self) -> f64 {
        let read = self.read;
        *self.last.get_or_insert_with(read)
    }

    /// The time now.
    #[inline]
    pub(crate) fn read(&mut self) -> f64 {
        *self.last.insert((self.read)())
    }

    /// Something else took time.
    #[inline]
    pub(crate) fn pass(&mut self) {
        self.last = None;
    }
}
