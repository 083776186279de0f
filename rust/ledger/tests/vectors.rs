//! What records look like: every operation and every event of a connection, in every format.

mod making;

use making::{FORMATS, NOW, audit, client, filter, made, plain_client, record, search, spec};
use ostiary_ldap::message::{ChangeKind, Control};
use ostiary_ldap::oid;
use ostiary_ldap::result::ResultCode;
use ostiary_ldap::write::{self, NewChange};
use ostiary_ledger::audit::{Audit, AuditSpec, ConnectionEnd, ConnectionEvent, Decided, End, Format, SyslogSpec};
use ostiary_policy::{Mode, Verdict};

fn end() -> End<'static> {
    End {
        message_id: 3,
        code: Some(ResultCode::SUCCESS),
        entries: 2,
        bytes: 345,
        seconds: 0.001_234_567,
        server: Some("dc1.example:389"),
        ..End::default()
    }
}

fn ordinary_search() -> Vec<u8> {
    let paged = Control { control_type: oid::PAGED_RESULTS_OID.as_bytes(), criticality: true, value: Some(b"x") };
    search(b"ou=people,dc=example", &filter("(&(objectClass=person)(uid=a*b))"), &[b"uid", b"mail"], &[paged])
}

#[test]
fn a_search_in_json() {
    assert_eq!(
        record(&mut audit(Format::Json), &client(), &ordinary_search(), &end()),
        concat!(
            r#"{"time":"2026-02-03T04:05:06.789Z","event":"operation","connection":7,"client":"192.0.2.1","port":4711,"#,
            r#""listener":"ldaps","upstream":"directory","tls_version":"1.3","tls_cipher":"TLS13_AES_128_GCM_SHA256","#,
            r#""identity":"cn=wiki,dc=example","operation":"search","base":"ou=people,dc=example","scope":"sub","#,
            r#""filter":"(&(objectclass=?)(uid=?*?))","attributes":["uid","mail"],"#,
            r#""controls":["1.2.840.113556.1.4.319"],"message":3,"code":0,"result":"success","entries":2,"bytes":345,"#,
            r#""seconds":0.001234,"server":"dc1.example:389"}"#,
            "\n"
        )
    );
}

#[test]
fn a_search_in_ecs() {
    assert_eq!(
        record(&mut audit(Format::Ecs), &client(), &ordinary_search(), &end()),
        concat!(
            r#"{"@timestamp":"2026-02-03T04:05:06.789Z","ecs.version":"8.11.0","event.kind":"event","#,
            r#""observer.product":"ostiary","observer.type":"proxy","network.protocol":"ldap","ldap.connection":7,"#,
            r#""source.ip":"192.0.2.1","source.port":4711,"ldap.listener":"ldaps","ldap.upstream":"directory","#,
            r#""tls.version":"1.3","tls.cipher":"TLS13_AES_128_GCM_SHA256","user.name":"cn=wiki,dc=example","#,
            r#""event.action":"search","event.category":["database"],"event.type":["access"],"#,
            r#""ldap.base":"ou=people,dc=example","ldap.scope":"sub","ldap.filter":"(&(objectclass=?)(uid=?*?))","#,
            r#""ldap.attributes":["uid","mail"],"ldap.controls":["1.2.840.113556.1.4.319"],"ldap.message":3,"#,
            r#""ldap.code":0,"ldap.result":"success","event.outcome":"success","ldap.entries":2,"server.bytes":345,"#,
            r#""event.duration":1234567,"server.address":"dc1.example:389"}"#,
            "\n"
        )
    );
}

#[test]
fn a_search_in_cef() {
    let version = env!("CARGO_PKG_VERSION");
    let expected = concat!(
        r"|search|LDAP search|1|rt=1770091506789 cat=operation cn1Label=connection cn1=7 src=192.0.2.1 spt=4711 ",
        r"ldapListener=ldaps ldapUpstream=directory ldapTlsVersion=1.3 ldapTlsCipher=TLS13_AES_128_GCM_SHA256 ",
        r"suser=cn\=wiki,dc\=example act=search ldapBase=ou\=people,dc\=example ldapScope=sub ",
        r"ldapFilter=(&(objectclass\=?)(uid\=?*?)) ldapAttributes=uid,mail ldapControls=1.2.840.113556.1.4.319 ",
        r"cn2Label=message cn2=3 ldapCode=0 ldapResult=success outcome=success cn3Label=entries cn3=2 in=345 ",
        r"cfp1Label=seconds cfp1=0.001234 dhost=dc1.example:389",
        "\n"
    );
    let expected = format!("CEF:0|Ostiary|ostiary|{version}{expected}");
    assert_eq!(record(&mut audit(Format::Cef), &client(), &ordinary_search(), &end()), expected);
}

/// What stands between the client and the end, and what the end says.
fn json_of(message: &[u8]) -> String {
    let end = End { message_id: 3, code: Some(ResultCode(9_999)), ..End::default() };
    let record = record(&mut audit(Format::Json), &plain_client(), message, &end);
    let before = concat!(
        r#"{"time":"2026-02-03T04:05:06.789Z","event":"operation","connection":7,"#,
        r#""listener":"ldaps","upstream":"directory","#
    );
    let others = r#","message":3,"code":9999,"result":"unknown","bytes":0,"seconds":0.000000}"#;
    let searches = r#","message":3,"code":9999,"result":"unknown","entries":0,"bytes":0,"seconds":0.000000}"#;
    let told = record.trim_end().strip_prefix(before).unwrap();
    told.strip_suffix(others).or(told.strip_suffix(searches)).unwrap().to_owned()
}

#[test]
fn every_operation_tells_what_it_is_about() {
    let changes = [
        NewChange { operation: ChangeKind::Delete, description: b"mail", values: &[b"a"] },
        NewChange { operation: ChangeKind::Add, description: b"mail", values: &[b"b"] },
        NewChange { operation: ChangeKind::Replace, description: b"sn", values: &[] },
        NewChange { operation: ChangeKind::Increment, description: b"uidNumber", values: &[b"1"] },
    ];
    let attributes: [(&[u8], [&[u8]; 1]); 2] = [(b"cn", [b"Alice"]), (b"userPassword", [b"secret"])];
    // userIdentity "CN=Al,DC=x", and a new password.
    let of_al = b"\x30\x15\x80\x0aCN=Al,DC=x\x82\x07hunter2";
    let password = oid::PASSWORD_MODIFY_OID.as_bytes();
    for (message, expected) in [
        (
            made(|out| write::bind_request(out, 3, b"cn=al,dc=x", b"secret", &[])),
            r#""operation":"bind","identity_asked":"cn=al,dc=x","mechanism":"simple""#,
        ),
        (made(|out| write::anonymous_bind_request(out, 3)), r#""operation":"bind","mechanism":"simple""#),
        (
            made(|out| write::sasl_bind_request(out, 3, b"GSS-SPNEGO", Some(b"secret"))),
            r#""operation":"bind","mechanism":"GSS-SPNEGO""#,
        ),
        (
            search(b"", &filter("(cn:dn:2.5.13.2:=x)"), &[], &[]),
            r#""operation":"search","base":"","scope":"sub","filter":"(cn:dn:2.5.13.2:=?)""#,
        ),
        (
            made(|out| write::modify_request(out, 3, b"cn=al", &changes, &[])),
            concat!(
                r#""operation":"modify","base":"cn=al","attributes":["mail","sn","uidNumber"],"#,
                r#""changes":["delete:mail","add:mail","replace:sn","increment:uidNumber"]"#
            ),
        ),
        (
            made(|out| write::add_request(out, 3, b"cn=al", attributes, &[])),
            r#""operation":"add","base":"cn=al","attributes":["cn","userPassword"]"#,
        ),
        (made(|out| write::delete_request(out, 3, b"cn=al", &[])), r#""operation":"delete","base":"cn=al""#),
        (
            made(|out| write::modify_dn_request(out, 3, b"cn=al,dc=x", b"cn=bo", true, Some(b"dc=y"))),
            r#""operation":"modify_dn","base":"cn=al,dc=x","new_dn":"cn=bo,dc=y""#,
        ),
        (
            made(|out| write::modify_dn_request(out, 3, b"cn=al,dc=x", b"cn=bo", true, None)),
            r#""operation":"modify_dn","base":"cn=al,dc=x","new_dn":"cn=bo""#,
        ),
        (
            made(|out| write::compare_request(out, 3, b"cn=al", b"mail", b"al@x")),
            r#""operation":"compare","base":"cn=al","filter":"(mail=?)","attributes":["mail"]"#,
        ),
        (
            made(|out| write::start_tls_request(out, 3)),
            r#""operation":"extended","extended":"1.3.6.1.4.1.1466.20037 start_tls""#,
        ),
        (
            made(|out| write::extended_request(out, 3, password, Some(of_al), &[])),
            r#""operation":"extended","base":"cn=al,dc=x","extended":"1.3.6.1.4.1.4203.1.11.1 password_modify""#,
        ),
        (
            made(|out| write::extended_request(out, 3, b"1.2.3", Some(b"secret"), &[])),
            r#""operation":"extended","extended":"1.2.3""#,
        ),
        (made(|out| write::unbind_request(out, 3)), r#""operation":"unbind""#),
        (made(|out| write::abandon_request(out, 3, 2)), r#""operation":"abandon""#),
    ] {
        assert_eq!(json_of(&message), expected);
    }
}

#[test]
fn filter_values_are_shown_where_asked_for_and_escaped() {
    let mut audit = Audit::compile(&AuditSpec {
        filter_values: true,
        secret_attributes: vec!["employeePin".into()],
        ..spec(Format::Json)
    })
    .unwrap();
    for (text, expected) in [
        (r"(cn=a\2a\28b\29\5c\00*c*)", r"(cn=a\\2a\\28b\\29\\5c\\00*c*)"),
        ("(userPassword=hunter2)", "(userpassword=?)"),
        ("(2.5.4.35=hunter2)", "(userpassword=?)"),
        ("(employeepin;x=1234)", "(employeepin;x=?)"),
        ("(|(unicodePwd=*a*)(mail>=b)(mail<=c)(mail~=d))", "(|(unicodepwd=*?*)(mail>=b)(mail<=c)(mail~=d))"),
        ("(:caseExactMatch:=hunter2)", "(:caseexactmatch:=?)"),
        ("(cn:dn:=hunter2)", "(cn:dn:=?)"),
        ("(cn:=al)", "(cn:=al)"),
        ("(1.2.3.4=hunter2)", "(1.2.3.4=?)"),
        ("(seeAlso=cn=a+userPassword=hunter2,dc=x)", "(seealso=?)"),
        ("(seeAlso=cn=a,dc=x)", "(seealso=cn=a,dc=x)"),
    ] {
        let record = record(&mut audit, &plain_client(), &search(b"", &filter(text), &[], &[]), &end());
        assert!(record.contains(&format!(r#""filter":"{expected}""#)), "{record}");
    }
    for (attribute, expected) in [("mail", "(mail=al@x)"), ("2.5.4.35", "(2.5.4.35=?)"), ("anr", "(anr=?)")] {
        let message = made(|out| write::compare_request(out, 3, b"cn=al", attribute.as_bytes(), b"al@x"));
        let record = record(&mut audit, &plain_client(), &message, &end());
        assert!(record.contains(&format!(r#""filter":"{expected}""#)), "{record}");
    }
}

#[test]
fn a_bind_that_succeeded_tells_who_the_client_is_from_then_on() {
    let message = made(|out| write::bind_request(out, 3, b"cn=al,dc=x", b"secret", &[]));
    let before = client();
    for (identity, expected) in [
        (Some("cn=al,dc=x"), r#","identity":"cn=al,dc=x","operation":"#),
        (Some(""), r#"SHA256","operation":"#),
        (None, r#","identity":"cn=wiki,dc=example","operation":"#),
    ] {
        let record = record(&mut audit(Format::Json), &before, &message, &End { identity, ..end() });
        assert!(record.contains(expected), "{record}");
    }
}

#[test]
fn who_decided_is_told_in_every_format() {
    let message = made(|out| write::delete_request(out, 3, b"cn=al", &[]));
    let decided =
        Some(Decided { plugin: "allow_list", rule: "no-deletes", verdict: Verdict::Refused, mode: Mode::Enforce });
    let refused = End { code: Some(ResultCode::INSUFFICIENT_ACCESS_RIGHTS), server: None, decided, ..end() };
    for (format, expected) in [
        (
            Format::Json,
            concat!(
                r#""code":50,"result":"insufficientAccessRights","bytes":345,"seconds":0.001234,"#,
                r#""plugin":"allow_list","rule":"no-deletes","verdict":"refused","mode":"enforce"}"#
            ),
        ),
        (
            Format::Ecs,
            concat!(
                r#""ldap.code":50,"ldap.result":"insufficientAccessRights","event.outcome":"failure","server.bytes":345,"#,
                r#""event.duration":1234567,"rule.ruleset":"allow_list","#,
                r#""rule.name":"no-deletes","ldap.verdict":"refused","ldap.mode":"enforce"}"#
            ),
        ),
        (
            Format::Cef,
            concat!(
                "ldapCode=50 ldapResult=insufficientAccessRights outcome=failure in=345 cfp1Label=seconds cfp1=0.001234 ",
                "ldapPlugin=allow_list ldapRule=no-deletes ldapVerdict=refused ldapMode=enforce"
            ),
        ),
    ] {
        let record = record(&mut audit(format), &plain_client(), &message, &refused);
        assert!(record.trim_end().ends_with(expected), "{record}");
    }
    let decided = Some(Decided { plugin: "limits", rule: "", verdict: Verdict::Closed, mode: Mode::Monitor });
    let record = record(&mut audit(Format::Json), &plain_client(), &message, &End { decided, ..end() });
    assert!(record.ends_with("\"plugin\":\"limits\",\"verdict\":\"closed\",\"mode\":\"monitor\"}\n"), "{record}");
}

#[test]
fn who_decided_is_told_alike_whoever_decided_before() {
    let message = made(|out| write::delete_request(out, 3, b"cn=al", &[]));
    let long = "r".repeat(200);
    let decided = |plugin, rule, verdict| Some(Decided { plugin, rule, verdict, mode: Mode::Enforce });
    let by_rule = decided("list", "rule", Verdict::Allowed);
    let watched = Some(Decided { mode: Mode::Monitor, ..by_rule.unwrap() });
    let others = [
        by_rule,
        by_rule,
        decided("list", "rule", Verdict::Refused),
        by_rule,
        watched,
        by_rule,
        decided("list", "", Verdict::Allowed),
        decided("list", &long, Verdict::Allowed),
        decided("list", &long, Verdict::Allowed),
        by_rule,
        decided("other", "rule", Verdict::Allowed),
        None,
        by_rule,
    ];
    for format in FORMATS {
        let mut one = audit(format);
        for decided in others {
            let end = End { decided, ..end() };
            let expected = record(&mut audit(format), &plain_client(), &message, &end);
            assert_eq!(record(&mut one, &plain_client(), &message, &end), expected);
            assert_eq!(
                expected.contains("runcated"),
                decided.is_some_and(|decided| decided.rule == long),
                "{expected}"
            );
        }
    }
}

fn connection(format: Format, event: ConnectionEvent, end: &ConnectionEnd<'_>) -> String {
    let mut audit = audit(format);
    let client = audit.client(&plain_client());
    audit.connection(NOW, event, &client, end);
    String::from_utf8(audit.drain().0).unwrap()
}

#[test]
fn connections_tell_how_they_begin_and_end() {
    let closed = ConnectionEnd { reason: Some("idle"), bytes: 9, seconds: 60.5, decided: None };
    let refused = ConnectionEnd {
        reason: Some("too_many"),
        decided: Some(Decided { plugin: "guests", rule: "none", verdict: Verdict::Refused, mode: Mode::Enforce }),
        ..ConnectionEnd::default()
    };
    assert_eq!(
        connection(Format::Json, ConnectionEvent::Opened, &ConnectionEnd::default()),
        concat!(
            r#"{"time":"2026-02-03T04:05:06.789Z","event":"connection_opened","connection":7,"listener":"ldaps","#,
            r#""upstream":"directory"}"#,
            "\n"
        )
    );
    assert_eq!(
        connection(Format::Json, ConnectionEvent::Closed, &closed),
        concat!(
            r#"{"time":"2026-02-03T04:05:06.789Z","event":"connection_closed","connection":7,"listener":"ldaps","#,
            r#""upstream":"directory","bytes":9,"seconds":60.500000,"reason":"idle"}"#,
            "\n"
        )
    );
    assert_eq!(
        connection(Format::Ecs, ConnectionEvent::Refused, &refused),
        concat!(
            r#"{"@timestamp":"2026-02-03T04:05:06.789Z","event.action":"connection_refused","ecs.version":"8.11.0","#,
            r#""event.kind":"event","observer.product":"ostiary","observer.type":"proxy","network.protocol":"ldap","#,
            r#""ldap.connection":7,"ldap.listener":"ldaps","ldap.upstream":"directory","event.category":["network"],"#,
            r#""event.type":["connection","denied"],"event.outcome":"failure","rule.ruleset":"guests","#,
            r#""rule.name":"none","ldap.verdict":"refused","ldap.mode":"enforce","event.reason":"too_many"}"#,
            "\n"
        )
    );
    let cef = connection(Format::Cef, ConnectionEvent::Closed, &closed);
    let expected = concat!(
        "|connection_closed|LDAP connection closed|1|rt=1770091506789 cat=connection_closed ",
        "cn1Label=connection cn1=7 ldapListener=ldaps ldapUpstream=directory outcome=success in=9 ",
        "cfp1Label=seconds cfp1=60.500000 reason=idle\n"
    );
    assert!(cef.ends_with(expected), "{cef}");
}

#[test]
fn syslog_has_its_header_and_its_length() {
    let syslog = |framed, hostname: &str| Some(SyslogSpec { facility: 10, hostname: hostname.into(), framed });
    let message = made(|out| write::unbind_request(out, 3));
    let mut framed =
        Audit::compile(&AuditSpec { syslog: syslog(true, "gate\u{fc} way"), ..spec(Format::Json) }).unwrap();
    let counted = record(&mut framed, &plain_client(), &message, &end());
    let (length, rest) = counted.split_once(' ').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), rest.len());
    let header = "<86>1 2026-02-03T04:05:06.789Z gateway ostiary - operation - {\"time\":";
    assert!(rest.starts_with(header) && rest.ends_with('}'), "{rest}");

    let mut lines = Audit::compile(&AuditSpec { syslog: syslog(false, " "), ..spec(Format::Cef) }).unwrap();
    let failed = End { code: Some(ResultCode::BUSY), ..end() };
    let line = record(&mut lines, &plain_client(), &message, &failed);
    assert!(line.starts_with("<85>1 2026-02-03T04:05:06.789Z - ostiary - operation - CEF:0|"), "{line}");
    assert!(line.ends_with('\n'));
}

#[test]
fn what_cannot_be_is_said_with_its_key() {
    let syslog = Some(SyslogSpec { facility: 24, hostname: String::new(), framed: true });
    for (wrong, expected) in [
        (
            AuditSpec { buffer_bytes: 100, ..spec(Format::Json) },
            "buffer_bytes: less than one record of 4096 octets: 100",
        ),
        (
            AuditSpec { secret_attributes: vec!["a b".into()], ..spec(Format::Json) },
            "secret_attributes[0]: not an attribute type: a b",
        ),
        (AuditSpec { syslog, ..spec(Format::Json) }, "syslog.facility: not between 0 and 23: 24"),
    ] {
        assert_eq!(Audit::compile(&wrong).err().unwrap(), expected);
    }
}

#[test]
fn the_configuration_is_read_as_it_is_written() {
    let text = r#"{"format":"ecs","filter_values":true,"secret_attributes":["x"],"sampling":{"search":0.1,"compare":1.0},
        "buffer_bytes":4194304,"syslog":{"facility":10,"hostname":"gateway","framed":true}}"#;
    let read: AuditSpec = serde_json::from_str(text).unwrap();
    assert_eq!((read.format, read.filter_values, read.buffer_bytes), (Format::Ecs, true, 4_194_304));
    assert!(Audit::compile(&read).is_ok());
    let least: AuditSpec = serde_json::from_str(r#"{"format":"json","buffer_bytes":4096,"syslog":null}"#).unwrap();
    assert!(Audit::compile(&least).is_ok());
    assert!(serde_json::from_str::<AuditSpec>(r#"{"format":"xml","buffer_bytes":4096}"#).is_err());
}
