//! DNs, attribute descriptions and filters: what is normalised stays so, and never panics on the way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostiary_ldap::attribute::AttributeDescription;
use ostiary_ldap::dn::Dn;
use ostiary_ldap::filter::{Filter, FilterLimits};
use ostiary_ldap::prepare::prepare;

fuzz_target!(|data: &[u8]| {
    let limits = FilterLimits { depth: 16, nodes: 256 };
    if let Ok(dn) = Dn::from_bytes(data) {
        let canonical = dn.to_string();
        assert_eq!(Dn::parse(&canonical).as_ref(), Ok(&dn), "{canonical}");
        assert!(dn.is_within(&dn) && dn.is_within(&Dn::default()));
        assert!(dn.parent().is_none_or(|parent| dn.is_within(&parent)));
    }
    if let Ok(description) = AttributeDescription::parse(data) {
        let canonical = description.to_string();
        assert_eq!(AttributeDescription::parse(canonical.as_bytes()).as_ref(), Ok(&description));
        assert!(description.covers(&description));
    }
    if let Ok(filter) = Filter::from_ber(data, &limits) {
        let text = filter.to_string();
        assert!(Filter::parse(&text, &limits).as_ref() == Ok(&filter), "{text}");
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(prepared) = prepare(text) {
        assert_eq!(prepare(&prepared).as_ref(), Ok(&prepared));
    }
    if let Ok(filter) = Filter::parse(text, &limits) {
        let shown = filter.to_string();
        assert!(Filter::parse(&shown, &limits).as_ref() == Ok(&filter), "{shown}");
        assert!(Filter::from_ber(&filter.to_ber(), &limits).as_ref() == Ok(&filter), "{shown}");
        let _ = format!("{filter:?}");
    }
});
