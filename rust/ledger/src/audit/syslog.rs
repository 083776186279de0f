//! What stands around a record: the end of a line, or syslog's header (RFC 5424 section 6) and the length before it
//! (RFC 6587 section 3.4.1).
//!
//! ```text
//! SYSLOG-MSG = PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA SP MSG
//! ```

use super::buffer::Buffer;
use super::draft::push_number;
use super::end::Outcome;
use super::spec::SyslogSpec;
use super::time::Moment;

/// What a host's name has at most (RFC 5424 section 6).
const HOSTNAME: usize = 255;
/// The greatest number of a facility.
const FACILITY: u8 = 23;

/// What stands around every record.
pub(super) struct Frame {
    syslog: Option<Header>,
    /// Whether the length stands before a record; if not, a line ends behind it.
    is_counted: bool,
    length: Vec<u8>,
}

struct Header {
    facility: u8,
    /// With the spaces around it, and what stands behind it whatever the record.
    hostname: Box<[u8]>,
}

impl Frame {
    pub(super) fn compile(spec: Option<&SyslogSpec>) -> Result<Self, String> {
        let syslog = spec.map(Header::compile).transpose()?;
        Ok(Self { syslog, is_counted: spec.is_some_and(|spec| spec.framed), length: Vec::with_capacity(8) })
    }

    /// What stands before a record, but for its length.
    pub(super) fn begin(&self, moment: &Moment, event: &str, outcome: Outcome, record: &mut Vec<u8>) {
        let Some(header) = &self.syslog else { return };
        let priority = header.facility.saturating_mul(8).saturating_add(outcome.syslog_severity());
        record.push(b'<');
        push_number(record, priority.into());
        record.extend_from_slice(b">1 ");
        record.extend_from_slice(&moment.text);
        record.extend_from_slice(&header.hostname);
        record.extend_from_slice(event.as_bytes());
        record.extend_from_slice(b" - ");
    }

    /// Adds a record that is complete.
    pub(super) fn push(&mut self, record: &[u8], buffer: &mut Buffer) {
        if !self.is_counted {
            return buffer.push([b"", record, b"\n"]);
        }
        self.length.clear();
        push_number(&mut self.length, u64::try_from(record.len()).unwrap_or(u64::MAX));
        self.length.push(b' ');
        buffer.push([&self.length, record, b""]);
    }
}

impl Header {
    fn compile(spec: &SyslogSpec) -> Result<Self, String> {
        if spec.facility > FACILITY {
            return Err(format!("syslog.facility: not between 0 and {FACILITY}: {}", spec.facility));
        }
        // PRINTUSASCII, and a hyphen for a host without a name.
        let printable = spec.hostname.bytes().filter(u8::is_ascii_graphic).take(HOSTNAME);
        let mut hostname = b" ".to_vec();
        hostname.extend(printable);
        if hostname.len() == 1 {
            hostname.push(b'-');
        }
        hostname.extend_from_slice(b" ostiary - ");
        Ok(Self { facility: spec.facility, hostname: hostname.into() })
    }
}
