//! Messages: any octets as a request and as a response. Nothing panics, and every cut of a message is read alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostiary_ldap::filter::Filter;
use ostiary_ldap::frame::Frame;
use ostiary_ldap::message::{
    FilterLimits, IntermediateResponse, Operation, Request, ResponseHead, SearchResultEntry, SearchResultReference,
};
use ostiary_ldap::result::{BindResponse, ExtendedResponse, LdapResult};

fuzz_target!(|data: &[u8]| {
    let limits = FilterLimits { depth: 16, nodes: 256 };
    let frame = Frame::peek(data);
    let head = ResponseHead::peek(data);
    for cut in 0..data.len().min(24) {
        let early = Frame::peek(&data[..cut]);
        assert!(early == Ok(None) || early == frame);
        let early = ResponseHead::peek(&data[..cut]);
        assert!(early == Ok(None) || early == head);
    }
    if let Ok(Some(head)) = head {
        assert_eq!(frame.unwrap().unwrap().length, head.length);
        assert!(head.body_offset + head.body_len <= head.length);
        let _ = format!("{:?}", head.controls(data));
        let _ = format!("{:?} {:?}", LdapResult::parse(data), BindResponse::parse(data));
        let _ = format!("{:?}", ExtendedResponse::parse(data));
        let _ = format!("{:?}", SearchResultEntry::parse(data));
        let _ = format!("{:?}", SearchResultReference::parse(data));
        let _ = format!("{:?}", IntermediateResponse::parse(data));
    }
    if let Ok(request) = Request::parse(data, &limits) {
        assert_eq!(frame.unwrap().unwrap().length, data.len());
        assert!(request.message_id > 0);
        let _ = format!("{request:?} {}", request.never_ends());
        match request.operation {
            Operation::Search(search) => {
                // The tree and the check know the same grammar: only names and empty substrings can be in the way.
                let tree = Filter::from_ber(search.filter, &limits);
                if let Ok(tree) = &tree {
                    assert!(Filter::from_ber(&tree.to_ber(), &limits).as_ref() == Ok(tree));
                }
                assert!(!matches!(tree, Err(ostiary_ldap::filter::FilterError::Malformed(_))));
            }
            Operation::Modify(mut modify) => {
                assert!(modify.changes.all(|change| !change.modification.description.is_empty()));
            }
            Operation::Add(mut add) => {
                assert!(add.attributes.all(|attribute| !attribute.values.is_empty()));
            }
            _ => {}
        }
    }
});
