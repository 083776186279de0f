//! The BER reader: whatever the octets, children lie within their parents, and what was read is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ostiary_ber::{Header, Reader, Writer};

fuzz_target!(|data: &[u8]| {
    // A header that is known stays as it is when more octets come.
    if let Ok(Some(header)) = Header::peek(data) {
        assert_eq!(Header::peek(&data[..header.header_len]), Ok(Some(header)));
        assert_eq!(Header::peek(&data[..header.header_len - 1]), Ok(None));
    }
    // Walks constructed elements breadth first; every child is smaller than its parent, so this ends.
    let mut open = vec![Reader::new(data)];
    while let Some(mut reader) = open.pop() {
        while !reader.is_empty() {
            let before = reader.rest();
            let start = reader.offset();
            assert_eq!(&data[start..start + before.len()], before);
            let Ok((tag, child)) = reader.read_any_reader("element") else { break };
            assert!(child.offset() + child.rest().len() == reader.offset());
            let mut written = Vec::new();
            Writer::append(&mut written, |writer| writer.octet_string(tag, child.rest()));
            let mut nested = Vec::new();
            Writer::append(&mut nested, |writer| writer.sequence(tag, |inner| inner.raw(child.rest())));
            assert_eq!(written, nested);
            assert_eq!(Reader::new(&written).read("element", tag), Ok(child.rest()));
            if let Ok(value) = Reader::new(before).integer("integer", i64::MIN..=i64::MAX) {
                let mut number = Vec::new();
                Writer::append(&mut number, |writer| writer.integer(value));
                assert_eq!(Reader::new(&number).integer("integer", value..=value), Ok(value));
            }
            if tag & 0x20 != 0 {
                open.push(child);
            }
        }
    }
});
