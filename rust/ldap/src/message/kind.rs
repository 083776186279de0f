//! The operations of the protocol and their tags: the one table that says which response answers which request.
//!
//! It knows nothing of what the messages hold.

use core::fmt;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RequestKind {
    /// Bind (RFC 4511 section 4.2).
    Bind,
    /// Unbind (section 4.3).
    Unbind,
    /// Search (section 4.5).
    Search,
    /// Modify (section 4.6).
    Modify,
    /// Add (section 4.7).
    Add,
    /// Delete (section 4.8).
    Delete,
    /// Modify DN (section 4.9).
    ModifyDn,
    /// Compare (section 4.10).
    Compare,
    /// Abandon (section 4.11).
    Abandon,
    /// Extended (section 4.12).
    Extended,
}

impl RequestKind {
    /// Every kind, in the order of the RFC.
    pub const ALL: [Self; 10] = [
        Self::Bind,
        Self::Unbind,
        Self::Search,
        Self::Modify,
        Self::Add,
        Self::Delete,
        Self::ModifyDn,
        Self::Compare,
        Self::Abandon,
        Self::Extended,
    ];

    /// The kind of request with this protocolOp tag.
    #[inline]
    pub fn from_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            0x60 => Self::Bind,
            0x42 => Self::Unbind,
            0x63 => Self::Search,
            0x66 => Self::Modify,
            0x68 => Self::Add,
            0x4a => Self::Delete,
            0x6c => Self::ModifyDn,
            0x6e => Self::Compare,
            0x50 => Self::Abandon,
            0x77 => Self::Extended,
            _ => return None,
        })
    }

    /// The protocolOp tag of this kind of request.
    #[inline]
    pub fn tag(self) -> u8 {
        match self {
            Self::Bind => 0x60,
            Self::Unbind => 0x42,
            Self::Search => 0x63,
            Self::Modify => 0x66,
            Self::Add => 0x68,
            Self::Delete => 0x4a,
            Self::ModifyDn => 0x6c,
            Self::Compare => 0x6e,
            Self::Abandon => 0x50,
            Self::Extended => 0x77,
        }
    }

    /// The response that ends a request of this kind; none ever comes for unbind and abandon.
    #[inline]
    pub fn response(self) -> Option<ResponseOp> {
        match self {
            Self::Bind => Some(ResponseOp::Bind),
            Self::Search => Some(ResponseOp::SearchDone),
            Self::Modify => Some(ResponseOp::Modify),
            Self::Add => Some(ResponseOp::Add),
            Self::Delete => Some(ResponseOp::Delete),
            Self::ModifyDn => Some(ResponseOp::ModifyDn),
            Self::Compare => Some(ResponseOp::Compare),
            Self::Extended => Some(ResponseOp::Extended),
            Self::Unbind | Self::Abandon => None,
        }
    }

    /// True if a request of this kind may be answered by this response, final or not.
    ///
    /// Intermediate responses may answer any request that is answered at all: extended operations and controls
    /// define them (RFC 4511 section 4.13).
    #[inline]
    pub fn accepts(self, response: ResponseOp) -> bool {
        match response {
            ResponseOp::SearchEntry | ResponseOp::SearchReference => self == Self::Search,
            ResponseOp::Intermediate => self.response().is_some(),
            // Samba answers what it is unwilling to do this way, whatever was asked: an unknown critical control,
            // say. Clients cope as they do without a gateway. Never for a bind, whose result decides who somebody is.
            ResponseOp::Extended => self.response().is_some_and(|own| own != ResponseOp::Bind),
            _ => self.response() == Some(response),
        }
    }

    /// The word for this kind in configuration, metrics and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Unbind => "unbind",
            Self::Search => "search",
            Self::Modify => "modify",
            Self::Add => "add",
            Self::Delete => "delete",
            Self::ModifyDn => "modify_dn",
            Self::Compare => "compare",
            Self::Abandon => "abandon",
            Self::Extended => "extended",
        }
    }
}

impl fmt::Display for RequestKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResponseOp {
    /// `BindResponse`.
    Bind,
    /// `SearchResultEntry`.
    SearchEntry,
    /// `SearchResultDone`.
    SearchDone,
    /// `SearchResultReference`.
    SearchReference,
    /// `ModifyResponse`.
    Modify,
    /// `AddResponse`.
    Add,
    /// `DelResponse`.
    Delete,
    /// `ModifyDNResponse`.
    ModifyDn,
    /// `CompareResponse`.
    Compare,
    /// `ExtendedResponse`.
    Extended,
    /// `IntermediateResponse`.
    Intermediate,
}

impl ResponseOp {
    /// The response with this protocolOp tag.
    #[inline]
    pub fn from_tag(tag: u8) -> Option<Self> {
        Some(match tag {
            0x61 => Self::Bind,
            0x64 => Self::SearchEntry,
            0x65 => Self::SearchDone,
            0x73 => Self::SearchReference,
            0x67 => Self::Modify,
            0x69 => Self::Add,
            0x6b => Self::Delete,
            0x6d => Self::ModifyDn,
            0x6f => Self::Compare,
            0x78 => Self::Extended,
            0x79 => Self::Intermediate,
            _ => return None,
        })
    }

    /// The protocolOp tag of this response.
    #[inline]
    pub fn tag(self) -> u8 {
        match self {
            Self::Bind => 0x61,
            Self::SearchEntry => 0x64,
            Self::SearchDone => 0x65,
            Self::SearchReference => 0x73,
            Self::Modify => 0x67,
            Self::Add => 0x69,
            Self::Delete => 0x6b,
            Self::ModifyDn => 0x6d,
            Self::Compare => 0x6f,
            Self::Extended => 0x78,
            Self::Intermediate => 0x79,
        }
    }

    /// True if nothing follows this response for the same request.
    #[inline]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::SearchEntry | Self::SearchReference | Self::Intermediate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_of_one_request_or_one_response() {
        let requests = (0..=255).filter(|&tag| {
            RequestKind::from_tag(tag).is_some_and(|kind| {
                assert_eq!(kind.tag(), tag);
                true
            })
        });
        assert_eq!(requests.count(), RequestKind::ALL.len());
        let responses = (0..=255).filter(|&tag| {
            assert!(RequestKind::from_tag(tag).is_none() || ResponseOp::from_tag(tag).is_none());
            ResponseOp::from_tag(tag).is_some_and(|response| {
                assert_eq!(response.tag(), tag);
                true
            })
        });
        assert_eq!(responses.count(), 11);
    }

    #[test]
    fn a_request_is_ended_by_its_own_final_response_or_an_extended_one() {
        for kind in RequestKind::ALL {
            for tag in 0..=255 {
                let Some(response) = ResponseOp::from_tag(tag) else {
                    continue;
                };
                if response.is_final() {
                    let own = kind.response() == Some(response);
                    let answered = !matches!(kind, RequestKind::Bind | RequestKind::Unbind | RequestKind::Abandon);
                    let extended = response == ResponseOp::Extended && answered;
                    assert_eq!(kind.accepts(response), own || extended);
                }
            }
        }
        assert!(RequestKind::Search.accepts(ResponseOp::SearchEntry));
        assert!(!RequestKind::Compare.accepts(ResponseOp::SearchEntry));
        assert!(RequestKind::Extended.accepts(ResponseOp::Intermediate));
        assert!(!RequestKind::Abandon.accepts(ResponseOp::Intermediate));
    }
}
