//! Seconds as callers have them, and the whole numbers that words hold.

use core::time::Duration;

/// Seconds as a span; what is negative or no number is none, what is too long the longest.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(if seconds > 0.0 { Duration::MAX } else { Duration::ZERO })
}

/// Nanoseconds.
pub(crate) fn nanoseconds(seconds: f64) -> u64 {
    u64::try_from(span(seconds).as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds.
pub(crate) fn milliseconds(seconds: f64) -> u64 {
    u64::try_from(span(seconds).as_millis()).unwrap_or(u64::MAX)
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(nanoseconds: u64) -> f64 {
    Duration::from_nanos(nanoseconds).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_word_can_hold_is_the_nearest_that_it_can() {
        for (seconds, expected) in [
            (0.0, 0),
            (1.5, 1_500_000_000),
            (-1.0, 0),
            (f64::NAN, 0),
            (f64::INFINITY, u64::MAX),
            (f64::NEG_INFINITY, 0),
            (1e12, u64::MAX),
        ] {
            assert_eq!(nanoseconds(seconds), expected, "{seconds}");
        }
        assert_eq!(milliseconds(1.999), 1_999);
    }
}
