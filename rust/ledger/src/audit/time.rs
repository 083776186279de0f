//! Time as records have it, made of seconds since 1970 without a clock: RFC 3339 in UTC with milliseconds.

use core::time::Duration;

/// `2026-01-31T12:34:56.789Z`
pub(super) const LENGTH: usize = 24;

/// The last second of the year 9999: what comes later has no four digits.
const LATEST: u64 = 253_402_300_799;

/// A moment, written.
pub(super) struct Moment {
    /// As RFC 3339 has it.
    pub(super) text: [u8; LENGTH],
    /// Milliseconds since 1970.
    pub(super) milliseconds: u64,
}

/// Writes moments; the date and the second are written anew only when they change.
pub(super) struct Calendar {
    second: u64,
    text: [u8; LENGTH],
}

impl Calendar {
    pub(super) fn new() -> Self {
        let mut calendar = Self { second: 0, text: *b"0000-00-00T00:00:00.000Z" };
        calendar.begin(0);
        calendar
    }

    /// The moment `wall_seconds` after the start of 1970; what is before it, or no number, is that start.
    pub(super) fn moment(&mut self, wall_seconds: f64) -> Moment {
        let since = span(wall_seconds).min(Duration::from_secs(LATEST));
        if since.as_secs() != self.second {
            self.begin(since.as_secs());
        }
        let [.., hundreds, tens, ones, _] = &mut self.text;
        digits([hundreds, tens, ones], u64::from(since.subsec_millis()));
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        Moment { text: self.text, milliseconds }
    }

    fn begin(&mut self, second: u64) {
        self.second = second;
        let (days, of_day) = (second / 86_400, second % 86_400);
        let (year, month, day) = civil(days);
        let [y1, y2, y3, y4, _, o1, o2, _, d1, d2, _, h1, h2, _, m1, m2, _, s1, s2, ..] = &mut self.text;
        digits([y1, y2, y3, y4], year);
        digits([o1, o2], month);
        digits([d1, d2], day);
        digits([h1, h2], of_day / 3_600);
        digits([m1, m2], of_day / 60 % 60);
        digits([s1, s2], of_day % 60);
    }
}

/// Seconds as a span; what is negative or no number is none, what is too long the longest.
pub(super) fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(if seconds > 0.0 { Duration::MAX } else { Duration::ZERO })
}

fn digits<const N: usize>(places: [&mut u8; N], mut number: u64) {
    for place in places.into_iter().rev() {
        *place = b'0'.saturating_add(u8::try_from(number % 10).unwrap_or_default());
        number /= 10;
    }
}

/// The date, by the number of days since 1970-01-01. A year begins with March here, so that the day that some years
/// have more is their last; 400 years have 146,097 days, whichever they are.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days.saturating_add(719_468);
    let (era, of_era) = (days / 146_097, days % 146_097);
    // What each four years have more than four times 365 days, and each hundred and four hundred years less and more.
    let leaps = (of_era / 1_460).saturating_add(of_era / 146_096).saturating_sub(of_era / 36_524);
    let year_of_era = of_era.saturating_sub(leaps) / 365;
    let before = year_of_era.saturating_mul(365).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let of_year = of_era.saturating_sub(before);
    let from_march = of_year.saturating_mul(5).saturating_add(2) / 153;
    let day = of_year.saturating_sub(from_march.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
    let month = if from_march < 10 { from_march.saturating_add(3) } else { from_march.saturating_sub(9) };
    let year = era.saturating_mul(400).saturating_add(year_of_era).saturating_add(u64::from(month <= 2));
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(wall_seconds: f64) -> String {
        String::from_utf8(Calendar::new().moment(wall_seconds).text.to_vec()).unwrap()
    }

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        for (seconds, expected) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_400.5, "2000-02-29T00:00:00.500Z"),
            (1_709_251_199.999_9, "2024-02-29T23:59:59.999Z"),
            (1_735_689_599.25, "2024-12-31T23:59:59.250Z"),
            (4_107_542_400.0, "2100-03-01T00:00:00.000Z"),
            (-5.0, "1970-01-01T00:00:00.000Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
            (f64::INFINITY, "9999-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(written(seconds), expected);
        }
    }

    #[test]
    fn days_follow_each_other() {
        let long = |year| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..200_000 {
            assert_eq!(civil(days), (year, month, day));
            let length = match month {
                2 => 28 + u64::from(long(year)),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day += 1;
            if day > length {
                (month, day) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn seconds_that_go_back_are_written_too() {
        let mut calendar = Calendar::new();
        for seconds in [10.25, 10.75, 9.5, 11.0] {
            assert_eq!(String::from_utf8(calendar.moment(seconds).text.to_vec()).unwrap(), written(seconds));
        }
    }
}
