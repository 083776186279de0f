//! What a run measured, as one line of JSON.
//!
//! It does not judge: ratios and targets are the harness's.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use hdrhistogram::Histogram;

/// At most this many error texts are kept; all are counted.
const ERROR_TEXTS_MAX: usize = 5;

pub struct Report {
    latency: Histogram<u64>,
    pub operations: u64,
    pub errors: u64,
    error_texts: Vec<String>,
    pub bytes_received: u64,
    pub bytes_sent: u64,
    pub wall: Duration,
    pub negotiated: BTreeSet<String>,
    /// The most session tickets that one connection was given.
    pub tickets: u32,
}

impl Report {
    pub fn new() -> Result<Self, String> {
        Ok(Self {
            // Three significant figures: a latency is known within a thousandth. What is above a minute is a minute.
            latency: Histogram::new_with_max(60_000_000_000, 3).map_err(|e| e.to_string())?,
            operations: 0,
            errors: 0,
            error_texts: Vec::new(),
            bytes_received: 0,
            bytes_sent: 0,
            wall: Duration::ZERO,
            negotiated: BTreeSet::new(),
            tickets: 0,
        })
    }

    pub fn finished(&mut self, latency: Duration) {
        self.operations += 1;
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency.saturating_record(nanoseconds.max(1));
    }

    pub fn failed(&mut self, text: String) {
        self.errors += 1;
        if self.error_texts.len() < ERROR_TEXTS_MAX {
            self.error_texts.push(text);
        }
    }

    #[allow(clippy::cast_precision_loss)] // latencies in microseconds are far below 2^52
    pub fn to_json(&self) -> String {
        let mut out = format!(
            "{{\"operations\":{},\"errors\":{},\"wall_seconds\":{:.6},\"bytes_received\":{},\"bytes_sent\":{}",
            self.operations,
            self.errors,
            self.wall.as_secs_f64(),
            self.bytes_received,
            self.bytes_sent
        );
        out.push_str(",\"latency_microseconds\":{");
        for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)] {
            let value = self.latency.value_at_quantile(quantile) as f64 / 1000.0;
            let _ = write!(out, "\"{name}\":{value:.1},");
        }
        let _ = write!(
            out,
            "\"max\":{:.1},\"mean\":{:.1}}}",
            self.latency.max() as f64 / 1000.0,
            self.latency.mean() / 1000.0
        );
        let _ = write!(out, ",\"tickets\":{}", self.tickets);
        let _ = write!(out, ",\"negotiated\":[{}]", quoted(self.negotiated.iter()));
        let _ = write!(out, ",\"error_texts\":[{}]}}", quoted(self.error_texts.iter()));
        out
    }
}

fn quoted<'a>(texts: impl Iterator<Item = &'a String>) -> String {
    let texts: Vec<String> = texts
        .map(|text| {
            let plain: String =
                text.chars().map(|c| if c.is_control() || c == '"' || c == '\\' { '\'' } else { c }).collect();
            format!("\"{plain}\"")
        })
        .collect();
    texts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_come_in_microseconds() {
        let mut report = Report::new().unwrap();
        for microseconds in 1..=1000 {
            report.finished(Duration::from_micros(microseconds));
        }
        let json = report.to_json();
        assert!(json.contains("\"operations\":1000"), "{json}");
        assert!(json.contains("\"p50\":500"), "{json}");
        assert!(json.contains("\"p99\":990") || json.contains("\"p99\":991"), "{json}");
    }

    #[test]
    fn error_texts_cannot_break_the_json() {
        let mut report = Report::new().unwrap();
        report.failed("a \"quoted\"\nline\\".into());
        assert!(report.to_json().ends_with("\"error_texts\":[\"a 'quoted''line'\"]}"));
    }
}
