//! URIs that name upstream hosts: what of one is shown (RFC 4516, RFC 4511 section 4.1.10).

use std::borrow::Cow;

use ostiary_ldap::dn::Dn;

use super::secrets::Secrets;
use super::spec::HostNames;

/// The URL in whose name clients reach this gateway.
#[derive(Debug, Clone)]
pub(super) struct GatewayUrl {
    /// Scheme, host and port.
    url: Box<str>,
    /// The host alone.
    host: Box<str>,
}

impl GatewayUrl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fault = || format!("expected ldap:// or ldaps:// and a host, with no more than a port behind it: {text}");
        let url = text.strip_suffix('/').unwrap_or(text);
        let authority = url.strip_prefix("ldaps://").or_else(|| url.strip_prefix("ldap://")).ok_or_else(fault)?;
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => port.parse::<u16>().is_ok().then_some(host),
            _ => Some(authority),
        };
        let inner = |host: &str| host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).map(str::to_owned);
        let well_formed = |host: &str| match inner(host) {
            Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.'))
            }
        };
        let host = host.filter(|host| well_formed(host)).ok_or_else(fault)?;
        Ok(Self { url: url.into(), host: host.into() })
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

/// What is shown of a URI; none if nothing is.
pub(super) fn shown<'u>(
    uri: &'u [u8],
    names: HostNames,
    gateway: Option<&GatewayUrl>,
    secrets: &Secrets,
) -> Option<Cow<'u, [u8]>> {
    let rest = behind_authority(uri);
    if secrets.has_entries() && rest.is_none_or(|rest| names_hidden(rest, secrets)) {
        return None;
    }
    match names {
        HostNames::Pass => Some(Cow::Borrowed(uri)),
        HostNames::Strip => None,
        HostNames::Rewrite => Some(Cow::Owned([gateway?.url.as_bytes(), rest?].concat())),
    }
}

/// What a URI has behind scheme, host and port: the slash before its DN and everything after it.
fn behind_authority(uri: &[u8]) -> Option<&[u8]> {
    let place = uri.windows(3).position(|octets| octets == b"://")?;
    let behind = uri.get(place.saturating_add(3)..)?;
    let end = behind.iter().position(|octet| matches!(octet, b'/' | b'?' | b'#')).unwrap_or(behind.len());
    behind.get(end..)
}

/// Whether the DN in the rest of a URI is hidden. Where there is none the request's own is meant, which was judged.
fn names_hidden(rest: &[u8], secrets: &Secrets) -> bool {
    let dn = match rest.split_first() {
        Some((b'/', dn)) => dn.split(|octet| matches!(octet, b'?' | b'#')).next().unwrap_or_default(),
        _ => return false,
    };
    if dn.is_empty() {
        return false;
    }
    let read = percent_decoded(dn).and_then(|dn| Dn::from_bytes(&dn).ok());
    read.is_none_or(|dn| secrets.hides(&dn).is_some())
}

fn percent_decoded(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&octet, behind)) = rest.split_first() {
        rest = behind;
        if octet != b'%' {
            decoded.push(octet);
            continue;
        }
        let (digits, behind) = behind.split_at_checked(2)?;
        let digits = core::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        rest = behind;
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::super::secrets::Part;
    use super::*;

    fn gateway() -> GatewayUrl {
        GatewayUrl::parse("ldaps://ldap.example.org").unwrap()
    }

    #[test]
    fn a_gateway_url_has_scheme_host_and_port_only() {
        for (url, host) in [
            ("ldaps://ldap.example.org", "ldap.example.org"),
            ("ldap://ldap.example.org:1389/", "ldap.example.org"),
            ("ldap://[2001:db8::1]:389", "[2001:db8::1]"),
            ("ldap://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(GatewayUrl::parse(url).unwrap().host(), host);
        }
        for url in
            ["", "ldap.example.org", "http://x", "ldap://", "ldap://x:y", "ldap://x/dc=a", "ldap://a@b", "ldap://x?"]
        {
            assert!(GatewayUrl::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn only_the_host_of_a_uri_is_rewritten() {
        let gateway = gateway();
        for (uri, expected) in [
            ("ldap://dc1.corp:389/ou=x,dc=corp??sub?(a=b)", Some("ldaps://ldap.example.org/ou=x,dc=corp??sub?(a=b)")),
            ("LDAP://dc1", Some("ldaps://ldap.example.org")),
            ("ldap:///dc=x", Some("ldaps://ldap.example.org/dc=x")),
            ("ldap://a?b", Some("ldaps://ldap.example.org?b")),
            ("mailto:admin@dc1", None),
        ] {
            let shown = shown(uri.as_bytes(), HostNames::Rewrite, Some(&gateway), &Secrets::default());
            assert_eq!(shown.as_deref(), expected.map(str::as_bytes), "{uri}");
        }
    }

    #[test]
    fn a_uri_to_a_hidden_entry_is_not_shown() {
        let hidden = [Dn::parse("ou=hr,dc=corp").unwrap()];
        let secrets = Secrets::new([Part { rule: 0, types: &[], hidden: &hidden }]);
        for (uri, is_shown) in [
            ("ldap://dc1/ou=it,dc=corp", true),
            ("ldap://dc1/", true),
            ("ldap://dc1", true),
            ("ldap://dc1/OU=HR,dc=corp", false),
            ("ldap://dc1/cn=a,ou=h%72,dc=corp?cn", false),
            ("ldap://dc1/ou=%zz", false),
            ("ldap://dc1/<GUID=1>", false),
            ("urn:x", false),
        ] {
            assert_eq!(shown(uri.as_bytes(), HostNames::Pass, None, &secrets).is_some(), is_shown, "{uri}");
        }
    }
}
