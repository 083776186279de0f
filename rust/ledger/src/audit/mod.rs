//! Audit records: who did what, when and from where, one for each operation and for what happens to connections.
//!
//! What is known of a client, and of a request, is written once, when it becomes known: a [`Part`]. A record is both
//! parts, and how it ended. It is whole, valid, and of at most [`RECORD`] octets, whatever was sent; what is too long
//! is cut, and the record says so. No secret can be in it: credentials, and values that are written, are not even read.
//! Where records go, and what time it is, are not known here.

mod buffer;
mod client;
mod decided;
mod draft;
mod end;
mod fields;
mod filter;
mod last;
mod request;
mod sampling;
mod secret;
mod spec;
mod syslog;
mod text;
mod time;

use ostiary_ldap::message::{Request, RequestKind, behind_message_id};
use ostiary_ldap::result::ResultCode;

use buffer::Buffer;
use draft::{Draft, Form, push_number};
use end::{LastEnd, Outcome};
use fields::Field;
use filter::Filters;
use last::Last;
use request::LastSearch;
use sampling::Sampling;
use secret::SecretAttributes;
use syslog::Frame;
use time::{Calendar, Moment};

pub use client::ClientFields;
pub use decided::Decided;
pub use end::{ConnectionEnd, ConnectionEvent, End};
pub use fields::{AUDIT_FIELDS, AuditField, ValueKind};
pub use spec::{AuditSpec, Format, SamplingSpec, SyslogSpec};

/// Octets that a record has at most, with all that stands around it: what a pipe takes at once, so that workers that
/// share one do not tear each other's records.
pub const RECORD: usize = 4_096;

/// What each part of a record has at most: what stands around it (a host's name has up to 255 octets) and its time,
const HEAD: usize = 600;
/// what is told of the client,
const CLIENT: usize = 1_150;
/// of the request,
const REQUEST: usize = 1_640;
/// and of the end.
const END: usize = 700;
const _: () = assert!(HEAD + CLIENT + REQUEST + END <= RECORD);

/// Octets of a search above which it is not compared with the last one: hardly any has as many.
const LAST_MESSAGE: usize = 1_024;

/// A part of a record, ready to be copied.
pub struct Part {
    octets: Vec<u8>,
    /// Where the identity begins, if it is a client's.
    identity: usize,
    kind: Option<RequestKind>,
    is_cut: bool,
    /// Whether the identity is cut.
    is_identity_cut: bool,
}

// What clients ask is for records, not for logs.
impl core::fmt::Debug for Part {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Part").field("octets", &self.octets.len()).finish_non_exhaustive()
    }
}

/// Writes records.
pub struct Audit {
    form: Form,
    secrets: SecretAttributes,
    filter_values: bool,
    sampling: Sampling,
    frame: Frame,
    calendar: Calendar,
    /// The record that is being written.
    record: Vec<u8>,
    last_search: LastSearch,
    /// The last search, whole but for its message id.
    last_message: Last<Vec<u8>>,
    last_end: LastEnd,
    buffer: Buffer,
}

impl Audit {
    /// An audit as `spec` has it, or what is wrong with that.
    pub fn compile(spec: &AuditSpec) -> Result<Self, String> {
        if spec.buffer_bytes < RECORD {
            return Err(format!("buffer_bytes: less than one record of {RECORD} octets: {}", spec.buffer_bytes));
        }
        Ok(Self {
            form: Form::new(spec.format),
            secrets: SecretAttributes::compile(&spec.secret_attributes)?,
            filter_values: spec.filter_values,
            sampling: Sampling::compile(&spec.sampling)?,
            frame: Frame::compile(spec.syslog.as_ref())?,
            calendar: Calendar::new(),
            record: Vec::with_capacity(RECORD),
            last_search: LastSearch::default(),
            last_message: Last::default(),
            last_end: LastEnd::default(),
            buffer: Buffer::new(spec.buffer_bytes),
        })
    }

    /// What records tell of a client, until something of it changes.
    pub fn client(&self, fields: &ClientFields<'_>) -> Part {
        let mut octets = Vec::with_capacity(512);
        let mut draft = Draft::new(&self.form, &mut octets, CLIENT);
        client::write(fields, &mut draft);
        let is_cut = draft.is_cut;
        let identity = octets.len();
        let is_identity_cut = self.write_identity(fields.identity, identity, &mut octets);
        octets.shrink_to_fit();
        Part { octets, identity, kind: None, is_cut, is_identity_cut }
    }

    /// Who somebody is, behind `before` octets of what is told of it.
    fn write_identity(&self, identity: Option<&str>, before: usize, out: &mut Vec<u8>) -> bool {
        let mut draft = Draft::new(&self.form, out, CLIENT.saturating_sub(before));
        client::write_identity(identity, &self.secrets, &mut draft);
        draft.is_cut
    }

    /// What records tell of a request.
    pub fn request(&mut self, request: &Request<'_>) -> Part {
        let mut octets = Vec::with_capacity(256);
        let mut draft = Draft::new(&self.form, &mut octets, REQUEST);
        let filters = Filters { secrets: &self.secrets, values: self.filter_values };
        request::write(request, filters, &mut self.last_search, &mut draft);
        let is_cut = draft.is_cut;
        Part { identity: octets.len(), octets, kind: Some(request.kind()), is_cut, is_identity_cut: false }
    }

    /// The same of a request of which nothing but its kind was read.
    pub fn unread(&self, kind: RequestKind) -> Part {
        let mut octets = Vec::with_capacity(64);
        request::write_kind(kind, &mut Draft::new(&self.form, &mut octets, REQUEST));
        Part { identity: octets.len(), octets, kind: Some(kind), is_cut: false, is_identity_cut: false }
    }

    /// Whether the next operation of this kind that ends with this code is to be recorded. Only reads that succeeded
    /// may not be, and of them exactly the share that the configuration says.
    pub fn takes(&mut self, kind: RequestKind, code: Option<ResultCode>) -> bool {
        self.sampling.takes(kind, code)
    }

    /// Records an operation, which ended `wall_seconds` after the start of 1970.
    pub fn finished(&mut self, wall_seconds: f64, client: &Part, request: &Part, end: &End<'_>) {
        self.begin_operation(wall_seconds, request.kind, end);
        let is_cut = self.write_client(client, end.identity) | request.is_cut;
        self.record.extend_from_slice(&request.octets);
        self.end_operation(request.kind, end, is_cut);
    }

    /// The same of a search of which no part was made before: the whole message, which was parsed when it came. What is
    /// told of one that was told of last is copied.
    pub fn finished_search(&mut self, wall_seconds: f64, client: &Part, message: &[u8], end: &End<'_>) {
        let kind = Some(RequestKind::Search);
        self.begin_operation(wall_seconds, kind, end);
        let is_cut = self.write_client(client, end.identity);
        let Self { form, secrets, filter_values, record, last_search, last_message, .. } = self;
        let mut draft = Draft::new(form, record, REQUEST);
        let filters = Filters { secrets, values: *filter_values };
        let mut write = |draft: &mut Draft<'_>| {
            if let Ok(request) = Request::parse_again(message) {
                request::write(&request, filters, last_search, draft);
            }
        };
        let told = behind_message_id(message);
        if told.len() > LAST_MESSAGE {
            write(&mut draft);
        } else {
            last_message.write(&mut draft, 0, |last| last == told, |last| told.clone_into(last), write);
        }
        let is_cut = is_cut | draft.is_cut;
        self.end_operation(kind, end, is_cut);
    }

    fn begin_operation(&mut self, wall_seconds: f64, kind: Option<RequestKind>, end: &End<'_>) {
        self.begin(wall_seconds, "operation", kind.map_or("", RequestKind::name), Outcome::of(end.code));
    }

    fn end_operation(&mut self, kind: Option<RequestKind>, end: &End<'_>, is_cut: bool) {
        let mut draft = Draft::new(&self.form, &mut self.record, END);
        self.last_end.write(end, kind == Some(RequestKind::Search), &mut draft);
        let is_cut = is_cut | draft.is_cut;
        self.finish(is_cut);
    }

    /// Records what happened to a connection.
    pub fn connection(&mut self, wall_seconds: f64, event: ConnectionEvent, client: &Part, end: &ConnectionEnd<'_>) {
        self.begin(wall_seconds, event.word(), event.word(), event.outcome());
        let mut is_cut = self.write_client(client, None);
        let mut draft = Draft::new(&self.form, &mut self.record, END);
        end::write_connection(event, end, &mut draft);
        is_cut |= draft.is_cut;
        self.finish(is_cut);
    }

    /// All records that wait, as they are to be written, and how many they are.
    pub fn drain(&mut self) -> (Vec<u8>, u64) {
        self.buffer.drain()
    }

    /// How many records found no room since this was asked last.
    pub fn take_lost(&mut self) -> u64 {
        self.buffer.take_lost()
    }

    /// Begins a record: what stands before it, its time, and what kind of event it is.
    fn begin(&mut self, wall_seconds: f64, event: &str, name: &str, outcome: Outcome) {
        let moment = self.calendar.moment(wall_seconds);
        self.record.clear();
        self.frame.begin(&moment, event, outcome, &mut self.record);
        match self.form.format {
            Format::Json => self.begin_json(&moment, event),
            Format::Ecs => self.begin_ecs(&moment, event),
            Format::Cef => self.begin_cef(&moment, event, name, outcome),
        }
    }

    fn begin_json(&mut self, moment: &Moment, event: &str) {
        let mut draft = Draft::new(&self.form, &mut self.record, HEAD);
        draft.raw(b"{");
        draft.first(Field::Time, b"\"");
        draft.raw(&moment.text);
        draft.raw(b"\"");
        draft.word(Field::Event, event);
    }

    fn begin_ecs(&mut self, moment: &Moment, event: &str) {
        let mut draft = Draft::new(&self.form, &mut self.record, HEAD);
        draft.raw(b"{");
        draft.first(Field::Time, b"\"");
        draft.raw(&moment.text);
        draft.raw(b"\"");
        // Of an operation the action is its own name, which the request brings.
        if event != "operation" {
            draft.word(Field::Event, event);
        }
        draft.word(Field::EcsVersion, "8.11.0");
        draft.word(Field::EventKind, "event");
        draft.word(Field::Product, "ostiary");
        draft.word(Field::ObserverType, "proxy");
        draft.word(Field::Protocol, "ldap");
    }

    fn begin_cef(&mut self, moment: &Moment, event: &str, name: &str, outcome: Outcome) {
        let mut draft = Draft::new(&self.form, &mut self.record, HEAD);
        draft.raw(concat!("CEF:0|Ostiary|ostiary|", env!("CARGO_PKG_VERSION"), "|").as_bytes());
        draft.raw(name.as_bytes());
        draft.raw(b"|LDAP ");
        for piece in name.split_inclusive('_') {
            match piece.strip_suffix('_') {
                Some(word) => {
                    draft.raw(word.as_bytes());
                    draft.raw(b" ");
                }
                None => draft.raw(piece.as_bytes()),
            }
        }
        draft.raw(b"|");
        draft.raw(outcome.cef_severity());
        draft.raw(b"|");
        draft.first(Field::Time, b"");
        push_number(&mut self.record, moment.milliseconds);
        Draft::new(&self.form, &mut self.record, HEAD).word(Field::Event, event);
    }

    /// Copies what is told of the client, with another identity if there is a new one; whether something of it is cut.
    fn write_client(&mut self, client: &Part, identity: Option<&str>) -> bool {
        if identity.is_none() {
            self.record.extend_from_slice(&client.octets);
            return client.is_cut | client.is_identity_cut;
        }
        let kept = client.octets.get(..client.identity).unwrap_or_default();
        self.record.extend_from_slice(kept);
        let mut draft = Draft::new(&self.form, &mut self.record, CLIENT.saturating_sub(kept.len()));
        client::write_identity(identity, &self.secrets, &mut draft);
        client.is_cut | draft.is_cut
    }

    fn finish(&mut self, is_cut: bool) {
        if is_cut {
            Draft::new(&self.form, &mut self.record, END).bare(Field::Truncated, b"true");
        }
        if self.form.format != Format::Cef {
            self.record.push(b'}');
        }
        self.frame.push(&self.record, &mut self.buffer);
    }
}
