//! The driver with real sockets: clients and servers are the standard library's.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "they are the peers, and the clock")]

use std::cell::Cell;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::iter;
use std::mem::MaybeUninit;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use ostiary_driver::{Driver, End, Errno, Happening, Key, Shared, Side, Waiting, shared};
use ostiary_session::{Event, ListenerTls, Session, Step, UpstreamTls};

use rustix::net::SendFlags;

#[path = "../../session/tests/stage/mod.rs"]
mod stage;

use stage::{LIMITS, settings};

/// A gateway without rules, for one client.
struct Gateway {
    driver: Driver<&'static str>,
    address: SocketAddr,
    client: Option<Key>,
    session: Option<Shared>,
    happened: Vec<String>,
}

impl Gateway {
    fn new() -> Self {
        let mut driver = Driver::new(seconds).unwrap();
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        listening.set_nonblocking(true).unwrap();
        let address = listening.local_addr().unwrap();
        listen(&mut driver, &listening);
        Self { driver, address, client: None, session: None, happened: Vec::new() }
    }

    /// Turns until nothing happens any more for a moment, and lets in whoever comes.
    fn turn(&mut self) {
        for _ in 0..20 {
            while self.turn_once() {}
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn turn_once(&mut self) -> bool {
        let (mut accepted, before) = (None, self.happened.len());
        let happened = &mut self.happened;
        let tell = |owner: &&str, key, happening: Happening<'_>| match happening {
            Happening::Accepted(address) => {
                assert_eq!(*owner, "listener");
                assert!(address.unwrap().ip().is_loopback());
                accepted = Some(key);
            }
            Happening::Events(events) => happened.extend(events.map(|event| word(&event))),
            other => happened.push(format!("{other:?}")),
        };
        self.driver.wait(iter::empty(), Some(0.0), |waiting| waiting(), tell).unwrap();
        if let Some(key) = accepted {
            let session = shared(Session::new(settings(ListenerTls::None, LIMITS), None, 0.0));
            self.driver.enter(key, "client", Arc::clone(&session), LIMITS.buffered_bytes).unwrap();
            (self.client, self.session) = (Some(key), Some(session));
        }
        self.happened.len() != before
    }

    fn key(&self) -> Key {
        self.client.unwrap()
    }

    /// A client, and the server that its first request is sent to.
    fn pass(&mut self) -> (TcpStream, TcpStream) {
        let mut client = TcpStream::connect(self.address).unwrap();
        client.write_all(&search(1)).unwrap();
        self.turn();
        assert_eq!(self.happened, ["Connect"]);
        let listening = TcpListener::bind("127.0.0.1:0").unwrap();
        if !self.driver.connect(self.key(), listening.local_addr().unwrap()).unwrap() {
            self.turn();
            assert_eq!(self.happened.pop().unwrap(), "Connected");
        }
        let (mut server, _) = listening.accept().unwrap();
        let setup = Arc::new(UpstreamTls::None);
        let call = |session: &mut Session, now, step: &mut Step| session.upstream_connected(&setup, now, step);
        let events: Vec<_> = self.driver.visit(self.key(), call).map(|event| word(&event)).collect();
        assert_eq!(events, ["UpstreamReady"]);
        self.driver.release(self.key().on(Side::Upstream));
        self.happened.clear();
        let mut asked = vec![0; search(1).len()];
        server.read_exact(&mut asked).unwrap();
        assert_eq!(asked, search(1));
        (client, server)
    }
}

/// Has the driver accept there, too.
fn listen(driver: &mut Driver<&'static str>, listening: &TcpListener) -> Key {
    send(driver, listening.as_fd());
    driver.listen("listener").unwrap()
}

/// Sends the driver a descriptor.
fn send(driver: &mut Driver<&'static str>, descriptor: BorrowedFd<'_>) {
    let passage = driver.passage().unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = rustix::net::SendAncillaryBuffer::new(&mut space);
    let descriptors = [descriptor];
    control.push(rustix::net::SendAncillaryMessage::ScmRights(&descriptors));
    rustix::net::sendmsg(&passage, &[IoSlice::new(&[0])], &mut control, SendFlags::empty()).unwrap();
}

fn word(event: &Event) -> String {
    format!("{event:?}").split(['(', ' ', '{']).next().unwrap().to_owned()
}

fn search(message_id: u32) -> Vec<u8> {
    let mut out = Vec::new();
    stage::search(&mut out, message_id);
    out
}

fn entry(message_id: u32, octets: usize) -> Vec<u8> {
    let mut out = Vec::new();
    stage::entry(&mut out, message_id, octets);
    out
}

/// Reads so many octets while the gateway turns.
fn read(gateway: &mut Gateway, from: &mut TcpStream, octets: usize) -> Vec<u8> {
    from.set_nonblocking(true).unwrap();
    let mut read = Vec::new();
    let mut space = vec![0; 65_536];
    for _ in 0..1_000_000 {
        match from.read(&mut space) {
            Ok(0) => break,
            Ok(some) => read.extend_from_slice(&space[..some]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
        if read.len() >= octets {
            break;
        }
        gateway.turn_once();
    }
    read
}

#[test]
fn octets_pass_both_ways() {
    let mut gateway = Gateway::new();
    let (mut client, mut server) = gateway.pass();
    server.write_all(&entry(1, 100)).unwrap();
    assert_eq!(read(&mut gateway, &mut client, entry(1, 100).len()), entry(1, 100));
    client.write_all(&search(2)).unwrap();
    assert_eq!(read(&mut gateway, &mut server, search(2).len()), search(2));
    assert_eq!(gateway.happened, Vec::<String>::new());
}

#[test]
fn many_clients_that_speak_at_once_are_served_by_one_wait_each_by_its_own() {
    let mut gateway = Gateway::new();
    let mut pairs: Vec<_> = (0..20)
        .map(|_| {
            gateway.happened.clear();
            (gateway.pass(), gateway.key())
        })
        .collect();
    for (message_id, ((client, server), _)) in (2..).zip(&mut pairs) {
        client.write_all(&search(message_id)).unwrap();
        // Short and long ones: what is long is not written with others.
        server.write_all(&entry(1, if message_id % 3 == 0 { 60_000 } else { 100 })).unwrap();
    }
    std::thread::sleep(Duration::from_millis(20));
    for _ in 0..10 {
        gateway.turn_once();
    }
    for (message_id, ((client, server), _)) in (2..).zip(&mut pairs) {
        let result = entry(1, if message_id % 3 == 0 { 60_000 } else { 100 });
        assert!(read(&mut gateway, client, result.len()) == result);
        assert_eq!(read(&mut gateway, server, search(message_id).len()), search(message_id));
    }
    assert_eq!(gateway.happened, Vec::<String>::new());
}

#[test]
fn a_server_that_is_lost_between_two_reads_changes_neither() {
    let mut gateway = Gateway::new();
    let (mut first, mut first_server) = gateway.pass();
    gateway.happened.clear();
    let (_gone, gone_server) = gateway.pass();
    let gone_key = gateway.key();
    gateway.happened.clear();
    let (mut last, mut last_server) = gateway.pass();
    // Octets that were not read make a close a reset.
    gateway.driver.write(gone_key.on(Side::Upstream), b"not read");
    first.write_all(&search(2)).unwrap();
    drop(gone_server);
    last.write_all(&search(4)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    gateway.turn_once();
    assert_eq!(read(&mut gateway, &mut first_server, search(2).len()), search(2));
    assert_eq!(read(&mut gateway, &mut last_server, search(4).len()), search(4));
    gateway.turn();
    assert!(gateway.happened.contains(&"UpstreamLost".to_owned()), "{:?}", gateway.happened);
}

#[test]
fn whatever_happens_to_others_each_gets_what_is_its_own() {
    let mut gateway = Gateway::new();
    let mut pairs = Vec::new();
    for _ in 0..12 {
        gateway.happened.clear();
        let (client, server) = gateway.pass();
        server.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        pairs.push((client, Some(server), gateway.key(), [vec![], vec![]], [vec![], vec![]]));
    }
    let mut state = 7_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    let mut space = vec![0; 1 << 20];
    let mut message_id = 1;
    for _ in 0..600 {
        for _ in 0..random(8) {
            let chosen = random(12) as usize;
            let (client, server, key, sent, _) = &mut pairs[chosen];
            let Some(upstream) = server else { continue };
            match random(40) {
                // The last ones are never lost, so that there is always somebody.
                0 if chosen < 8 => {
                    gateway.driver.write(key.on(Side::Upstream), b"not read");
                    *server = None;
                }
                1..=20 => {
                    message_id += 1;
                    let octets = search(message_id);
                    client.write_all(&octets).unwrap();
                    sent[0].extend(octets);
                }
                _ => {
                    let octets = entry(1, if random(3) == 0 { 9_000 } else { 50 });
                    upstream.write_all(&octets).unwrap();
                    sent[1].extend(octets);
                }
            }
        }
        gateway.turn_once();
        for (client, server, _, _, got) in &mut pairs {
            let Some(server) = server else { continue };
            for (from, got) in [server, client].into_iter().zip(got) {
                while let Ok(some @ 1..) = from.read(&mut space) {
                    got.extend_from_slice(&space[..some]);
                }
            }
        }
    }
    let left: Vec<_> = pairs.iter_mut().filter(|(_, server, ..)| server.is_some()).collect();
    assert!((4..12).contains(&left.len()), "{}", left.len());
    for (client, server, _, sent, got) in left {
        let server = server.as_mut().unwrap();
        for ((from, sent), got) in [server, client].into_iter().zip(sent).zip(got) {
            let rest = read(&mut gateway, from, sent.len() - got.len());
            got.extend(rest);
            assert!(got == sent, "{} of {} octets", got.len(), sent.len());
        }
    }
}

#[test]
fn urgent_octets_do_not_hold_up_what_follows() {
    let mut gateway = Gateway::new();
    let (client, mut server) = gateway.pass();
    let asked = search(2);
    // A read ends at an urgent octet, though more has come.
    for (octets, flags) in
        [(&asked[..9], SendFlags::empty()), (b"!", SendFlags::OOB), (&asked[9..], SendFlags::empty())]
    {
        assert_eq!(rustix::net::send(&client, octets, flags).unwrap(), octets.len());
    }
    assert_eq!(read(&mut gateway, &mut server, asked.len()), asked);
}

#[test]
fn a_client_that_does_not_read_holds_its_server_back_and_loses_nothing() {
    let mut gateway = Gateway::new();
    let (mut client, mut server) = gateway.pass();
    server.set_nonblocking(true).unwrap();
    let result = entry(1, 60_000);
    let mut sent = 0;
    let mut written = Vec::new();
    // Until neither the kernel's buffers nor ours take any more, for a while.
    let mut refused = 0;
    while refused < 200 {
        match server.write(&result[sent % result.len()..]) {
            Ok(some) => {
                written.extend_from_slice(&result[sent % result.len()..sent % result.len() + some]);
                sent += some;
                refused = 0;
            }
            Err(_) => refused += 1,
        }
        gateway.turn_once();
        assert!(sent < 64 << 20, "nothing holds it back");
    }
    // Only whole messages pass.
    let whole = sent - sent % result.len();
    let got = read(&mut gateway, &mut client, whole);
    assert!(got == written[..whole], "{} of {whole} octets", got.len());
    // And it is read again.
    server.set_nonblocking(false).unwrap();
    server.write_all(&result[sent % result.len()..]).unwrap();
    assert!(read(&mut gateway, &mut client, result.len()) == result);
}

#[test]
fn what_a_server_says_before_it_goes_arrives() {
    let mut gateway = Gateway::new();
    let (mut client, mut server) = gateway.pass();
    let result = entry(1, 300_000);
    server.write_all(&result).unwrap();
    drop(server);
    let got = read(&mut gateway, &mut client, result.len());
    assert!(got.starts_with(&result));
    gateway.turn();
    assert_eq!(gateway.happened.last().unwrap(), "UpstreamLost");
    assert_eq!(gateway.happened.iter().filter(|one| *one == "UpstreamLost").count(), 1);
}

#[test]
fn a_client_that_is_reset_is_lost_once() {
    let mut gateway = Gateway::new();
    let (client, mut server) = gateway.pass();
    // Octets that were not read make a close a reset.
    server.write_all(&entry(1, 100)).unwrap();
    gateway.turn();
    drop(client);
    gateway.turn();
    assert_eq!(gateway.happened, ["ClientLost"]);
    gateway.driver.remove(gateway.key());
    server.write_all(&entry(1, 100)).unwrap();
    gateway.turn();
    assert_eq!(gateway.happened, ["ClientLost"]);
}

#[test]
fn a_server_that_is_reset_is_lost_when_that_happens_and_not_when_the_wait_began() {
    let mut gateway = Gateway::new();
    let (_client, server) = gateway.pass();
    gateway.turn();
    let reset = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        let before = seconds();
        rustix::net::sockopt::set_socket_linger(&server, Some(Duration::ZERO)).unwrap();
        drop(server);
        before
    });
    let Gateway { driver, session, .. } = &mut gateway;
    driver.wait(iter::empty(), Some(seconds() + 20.0), |waiting| waiting(), |_, _, _| ()).unwrap();
    let before = reset.join().unwrap();
    let lost = session.as_ref().unwrap().lock().unwrap().idle_since().unwrap();
    assert!(lost >= before, "{lost} {before}");
}

#[test]
fn a_client_that_says_no_more_still_gets_its_answer() {
    let mut gateway = Gateway::new();
    let (mut client, mut server) = gateway.pass();
    client.shutdown(Shutdown::Write).unwrap();
    gateway.turn();
    server.write_all(&entry(1, 100)).unwrap();
    assert_eq!(read(&mut gateway, &mut client, entry(1, 100).len()), entry(1, 100));
}

#[test]
fn what_waits_for_a_client_is_written_before_its_socket_is_closed() {
    let mut gateway = Gateway::new();
    let (mut client, _server) = gateway.pass();
    let octets = vec![7; 16 << 20];
    gateway.driver.write(gateway.key(), &octets);
    assert!(!gateway.driver.leave(gateway.key()));
    assert!(read(&mut gateway, &mut client, octets.len()) == octets);
    gateway.turn();
    assert_eq!(gateway.happened, ["ClientLost"]);
    gateway.driver.remove(gateway.key());
    assert_eq!(read(&mut gateway, &mut client, 1), b"");
}

#[test]
fn what_waits_for_a_server_is_written_after_its_client_has_gone() {
    let mut gateway = Gateway::new();
    let (_client, mut server) = gateway.pass();
    let octets = vec![7; 16 << 20];
    gateway.driver.write(gateway.key().on(Side::Upstream), &octets);
    assert!(gateway.driver.leave_upstream(gateway.key()).is_some());
    gateway.driver.remove(gateway.key());
    assert!(read(&mut gateway, &mut server, octets.len() + 1) == octets);
}

#[test]
fn a_socket_that_is_left_can_be_given_up() {
    let mut gateway = Gateway::new();
    let (_client, mut server) = gateway.pass();
    gateway.driver.write(gateway.key().on(Side::Upstream), &vec![7; 16 << 20]);
    let leaving = gateway.driver.leave_upstream(gateway.key()).unwrap();
    gateway.driver.remove(leaving);
    assert!(read(&mut gateway, &mut server, 16 << 20).len() < 16 << 20);
}

#[test]
fn a_held_client_is_not_read_from() {
    let mut gateway = Gateway::new();
    let (mut client, mut server) = gateway.pass();
    gateway.driver.hold(gateway.key());
    client.write_all(&search(2)).unwrap();
    gateway.turn();
    server.set_nonblocking(true).unwrap();
    assert_eq!(server.read(&mut [0; 10]).unwrap_err().kind(), ErrorKind::WouldBlock);
    gateway.driver.release(gateway.key());
    assert_eq!(read(&mut gateway, &mut server, search(2).len()), search(2));
}

#[test]
fn nobody_there_is_told() {
    let mut gateway = Gateway::new();
    let mut client = TcpStream::connect(gateway.address).unwrap();
    client.write_all(&search(1)).unwrap();
    gateway.turn();
    gateway.happened.clear();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    match gateway.driver.connect(gateway.key(), nobody) {
        Ok(is_connected) => {
            assert!(!is_connected);
            gateway.turn();
            assert_eq!(gateway.happened, [format!("NotConnected({:?})", Errno::CONNREFUSED)]);
        }
        Err(error) => assert_eq!(error, Errno::CONNREFUSED),
    }
}

#[test]
fn names_of_what_is_gone_are_nobodys() {
    let mut gateway = Gateway::new();
    let (first, _server) = gateway.pass();
    let gone = gateway.key();
    gateway.driver.remove(gone);
    let mut second = TcpStream::connect(gateway.address).unwrap();
    gateway.turn();
    assert_ne!(gateway.key(), gone);
    gateway.driver.write(gone, b"not for the second");
    gateway.driver.remove(gone);
    gateway.driver.write(gateway.key(), b"for it");
    assert_eq!(read(&mut gateway, &mut second, 6), b"for it");
    drop(first);
}

#[test]
fn a_listening_socket_that_others_have_can_be_left_and_taken_again() {
    let mut driver = Driver::new(seconds).unwrap();
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    listening.set_nonblocking(true).unwrap();
    let first = listen(&mut driver, &listening);
    driver.remove(first);
    let _client = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
    // Nothing wakes it.
    assert_eq!(waited(&mut driver, 0.02), (End::Over, 1, vec![]));
    // The kernel gives it the number that it had.
    let second = listen(&mut driver, &listening);
    let (_, _, accepted) = waited(&mut driver, 10.0);
    assert_eq!(accepted.len(), 1);
    assert!(!accepted.contains(&first) && !accepted.contains(&second));
}

#[test]
fn a_wait_ends_when_what_is_watched_beside_is_readable() {
    let mut driver = Driver::new(seconds).unwrap();
    let (beside, mut other) = UnixStream::pair().unwrap();
    send(&mut driver, beside.as_fd());
    driver.watch().unwrap();
    assert_eq!(waited(&mut driver, 0.02), (End::Over, 1, vec![]));
    other.write_all(b"x").unwrap();
    assert_eq!(waited(&mut driver, 10.0), (End::Beside, 1, vec![]));
    // Until somebody reads it.
    assert_eq!(waited(&mut driver, 10.0), (End::Beside, 1, vec![]));
    (&beside).read_exact(&mut [0]).unwrap();
    assert_eq!(waited(&mut driver, 0.0), (End::Over, 1, vec![]));
}

#[test]
fn ordinary_traffic_ends_no_wait_before_its_time() {
    let mut gateway = Gateway::new();
    let (mut client, mut server) = gateway.pass();
    client.write_all(&search(2)).unwrap();
    let (end, waits, told) = waited(&mut gateway.driver, 0.05);
    assert!((end, told.is_empty()) == (End::Over, true) && waits >= 2, "{waits} {told:?}");
    let mut asked = vec![0; search(2).len()];
    server.read_exact(&mut asked).unwrap();
}

/// Seconds of a steady clock.
fn seconds() -> f64 {
    static BEGIN: OnceLock<Instant> = OnceLock::new();
    BEGIN.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// Waits for so many seconds: how that ended, how often it waited, and who was told.
fn waited(driver: &mut Driver<&'static str>, most: f64) -> (End, u32, Vec<Key>) {
    let (waits, mut told) = (Cell::new(0), Vec::new());
    let around = |waiting: Waiting<'_>| {
        waits.set(waits.get() + 1);
        waiting()
    };
    let until = Some(seconds() + most);
    let end = driver.wait(iter::empty(), until, around, |_, key, _| told.push(key)).unwrap();
    (end, waits.get(), told)
}
