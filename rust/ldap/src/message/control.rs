//! Controls: what a request asks for beside its operation, and what a response tells beside its result.
//!
//! Which controls may pass, and what their values mean, is not known here, except for the question whether a search
//! ends: without the answer its time limit would cut syncrepl and persistent searches (RFC 4533 section 3.4).
//!
//! ```text
//! Controls ::= SEQUENCE OF control Control
//! Control ::= SEQUENCE {
//!      controlType             LDAPOID,
//!      criticality             BOOLEAN DEFAULT FALSE,
//!      controlValue            OCTET STRING OPTIONAL }
//! ```

use core::fmt;

use ostiary_ber::{Error, ErrorKind, Reader, tag};

use crate::oid;

/// One control.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Control<'a> {
    /// The object identifier, in dotted form.
    pub control_type: &'a [u8],
    /// Whether the operation must fail if the server does not know the control.
    pub criticality: bool,
    /// The value, in the encoding that the control defines.
    pub value: Option<&'a [u8]>,
}

impl<'a> Control<'a> {
    #[inline]
    fn read(controls: &mut Reader<'a>) -> Result<Self, Error> {
        let mut reader = controls.read_reader("controls.control", tag::SEQUENCE)?;
        let offset = reader.offset();
        let control_type = reader.octet_string("controls.control.controlType")?;
        if !oid::is_numeric_oid(control_type) {
            let kind = ErrorKind::Invalid("not an object identifier");
            return Err(Error::new("controls.control.controlType", offset, kind));
        }
        let criticality = reader.peek_tag() == Some(tag::BOOLEAN) && reader.boolean("controls.control.criticality")?;
        let value = reader.read_optional("controls.control.controlValue", tag::OCTET_STRING)?;
        reader.finish("controls.control")?;
        Ok(Self { control_type, criticality, value })
    }

    /// True if a search with this control goes on after what there was to find.
    fn never_ends(&self) -> bool {
        [oid::PERSISTENT_SEARCH_OID, oid::NOTIFICATION_OID].iter().any(|oid| oid.as_bytes() == self.control_type)
            || (self.control_type == oid::SYNC_REQUEST_OID.as_bytes() && self.is_refresh_and_persist())
    }

    /// `syncRequestValue ::= SEQUENCE { mode ENUMERATED { refreshOnly (1), refreshAndPersist (3) }, ... }`
    fn is_refresh_and_persist(&self) -> bool {
        let mut value = Reader::new(self.value.unwrap_or_default());
        value
            .read_reader("syncRequestValue", tag::SEQUENCE)
            .and_then(|mut sequence| sequence.enumerated("syncRequestValue.mode", 3..=3))
            .is_ok()
    }
}

// Values may carry what nobody else should read (assertions, authorization identities).
impl fmt::Debug for Control<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("control_type", &String::from_utf8_lossy(self.control_type))
            .field("criticality", &self.criticality)
            .field("value", &self.value.map(|_| "<redacted>"))
            .finish()
    }
}

/// The value of the paged results control: size and cookie (RFC 2696).
///
/// ```text
/// realSearchControlValue ::= SEQUENCE {
///      size            INTEGER (0..maxInt),
///      cookie          OCTET STRING }
/// ```
pub fn paged_results(value: &[u8]) -> Result<(u32, &[u8]), Error> {
    let mut outer = Reader::new(value);
    let mut inner = outer.read_reader("pagedResults", tag::SEQUENCE)?;
    outer.finish("pagedResults")?;
    let size = inner.integer("pagedResults.size", 0..=i64::from(i32::MAX))?;
    let cookie = inner.octet_string("pagedResults.cookie")?;
    inner.finish("pagedResults")?;
    Ok((u32::try_from(size).unwrap_or_default(), cookie))
}

/// The controls of one message, in their order.
#[derive(Clone, Copy)]
pub struct Controls<'a> {
    reader: Reader<'a>,
}

impl<'a> Controls<'a> {
    /// No controls.
    pub(crate) fn none() -> Self {
        Self { reader: Reader::new(&[]) }
    }

    /// A view of the controls in `reader`, unchecked.
    pub(crate) fn trust(reader: Reader<'a>) -> Self {
        Self { reader }
    }

    /// A view of the controls in `reader`, each checked.
    #[inline]
    pub(crate) fn check(reader: Reader<'a>) -> Result<Self, Error> {
        let mut rest = reader;
        while !rest.is_empty() {
            Control::read(&mut rest)?;
        }
        Ok(Self { reader })
    }

    /// True if there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.reader.is_empty()
    }

    /// The first control of this type, if there is one.
    pub fn find(mut self, control_type: &str) -> Option<Control<'a>> {
        Iterator::find(&mut self, |control| control.control_type == control_type.as_bytes())
    }

    /// True if a search with these controls goes on after what there was to find.
    #[inline]
    pub(crate) fn never_end(mut self) -> bool {
        self.any(|control| control.never_ends())
    }
}

impl<'a> Iterator for Controls<'a> {
    type Item = Control<'a>;

    fn next(&mut self) -> Option<Control<'a>> {
        Control::read(&mut self.reader).ok()
    }
}

impl fmt::Debug for Controls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}
