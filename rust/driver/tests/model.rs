//! The driver against a model of what it is for: whatever clients, servers and hooks do, and in whatever order, octets
//! come where they belong, whole, in order and once.
#![expect(clippy::disallowed_methods, reason = "the peers and the clock are the standard library's")]

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use ostiary_driver::{Answer, Driver, Happening, Key, Side, shared};
use ostiary_ldap::write;
use ostiary_policy::spec::{HookSpec, PolicySpec, RulesSpec, StageSpec};
use ostiary_policy::{Mode, Policy};
use ostiary_session::{Event, Limits, ListenerTls, Session, Settings, UpstreamTls, Verdict};
use proptest::prelude::*;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

#[path = "../../session/tests/stage/mod.rs"]
mod stage;

use stage::{LIMITS, settings};

const PEERS: usize = 6;

/// What the driver's owner, a client, a server or a hook does.
#[derive(Clone, Debug)]
enum Deed {
    /// A client asks as many things as there are numbers, of so many octets each, in one write; first, for entries.
    Ask(usize, Vec<usize>),
    /// A server answers with an entry of so many octets.
    Tell(usize, usize),
    /// All servers do at once.
    TellAll(usize),
    /// A client or server reads so many octets.
    Read(usize, Side, usize),
    /// The driver waits; first so many of the requests that are held, of any client, have their verdict.
    Wait(usize),
    /// A verdict comes between two waits.
    Resume(usize),
    /// The owner does not want to read from a client, or wants to again.
    Hold(usize),
    Release(usize),
    /// A client says that it will ask for no more.
    Finish(usize),
    /// A client or server is gone.
    Lose(usize, Side),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let peer = || 0..PEERS;
    let side = || prop_oneof![Just(Side::Client), Just(Side::Upstream)];
    let requests = prop::collection::vec(prop_oneof![3 => 1..200_usize, 1 => 3_000..9_000_usize], 1..4);
    prop::collection::vec(
        prop_oneof![
            8 => (peer(), requests).prop_map(|(peer, octets)| Deed::Ask(peer, octets)),
            5 => (peer(), 1..300_usize).prop_map(|(peer, octets)| Deed::Tell(peer, octets)),
            4 => (peer(), 1_000..200_000_usize).prop_map(|(peer, octets)| Deed::Tell(peer, octets)),
            1 => (100_000..200_000_usize).prop_map(Deed::TellAll),
            8 => (peer(), side(), 1..200_000_usize).prop_map(|(peer, side, octets)| Deed::Read(peer, side, octets)),
            12 => (0..6_usize).prop_map(Deed::Wait),
            2 => peer().prop_map(Deed::Resume),
            1 => peer().prop_map(Deed::Hold),
            2 => peer().prop_map(Deed::Release),
            1 => peer().prop_map(Deed::Finish),
            1 => (peer(), side()).prop_map(|(peer, side)| Deed::Lose(peer, side)),
        ],
        1..120,
    )
}

/// One direction of one client's octets.
#[derive(Default)]
struct Way {
    /// What the sender's socket did not take yet.
    unsent: Vec<u8>,
    sent: Vec<u8>,
    got: Vec<u8>,
}

impl Way {
    /// Sends what the socket takes; whether it took anything.
    fn send(&mut self, to: Option<&mut UnixStream>) -> bool {
        let Some(to) = to else { return false };
        match to.write(&self.unsent) {
            Ok(sent) => {
                self.sent.extend(self.unsent.drain(..sent));
                sent > 0
            }
            Err(error) => {
                let kinds = [ErrorKind::WouldBlock, ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
                assert!(kinds.contains(&error.kind()), "{error}");
                false
            }
        }
    }
}

/// A client, the server it is connected with, and what their owner keeps of them.
#[expect(clippy::struct_excessive_bools, reason = "four facts that do not exclude one another")]
struct Peer {
    key: Key,
    client: Option<UnixStream>,
    server: Option<UnixStream>,
    asks: Way,
    tells: Way,
    next_id: u32,
    /// Requests that wait for a verdict, in their order.
    held: VecDeque<u32>,
    is_connecting: bool,
    is_held: bool,
    is_paused: bool,
    /// One side went, and the other may have lost what was under way.
    is_lost: bool,
}

struct World {
    driver: Driver<()>,
    settings: Arc<Settings>,
    folder: PathBuf,
    accepted: Vec<Key>,
    peers: Vec<Peer>,
    has_happened: bool,
}

impl World {
    /// Clients that are connected.
    fn new(is_asking: bool) -> Self {
        let mut world = Self::empty(is_asking);
        for number in 0..PEERS {
            world.come();
            world.ask(number, &[1]);
            world.wait(0);
            world.wait(usize::MAX);
            world.connect(number);
        }
        world
    }

    fn empty(is_asking: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("ostiary-model-{}-{number}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let limits = Limits { buffered_bytes: 20_000, outstanding_requests: 100_000, ..LIMITS };
        let plain = Arc::into_inner(settings(ListenerTls::None, limits)).unwrap();
        let policy = is_asking.then(|| {
            let operations = ["search", "compare"].map(str::to_owned).to_vec();
            let rules = RulesSpec::Hook(HookSpec { operations, finished: Vec::new() });
            let stages = vec![StageSpec { plugin: "hook".to_owned(), mode: Mode::Enforce, rules }];
            Arc::new(Policy::compile(&PolicySpec { stages }, [0; 16]).unwrap())
        });
        let mut world = Self {
            driver: Driver::new(seconds).unwrap(),
            settings: Arc::new(Settings { policy, ..plain }),
            folder,
            accepted: Vec::new(),
            peers: Vec::new(),
            has_happened: false,
        };
        let listening = UnixListener::bind(world.folder.join("gateway")).unwrap();
        listening.set_nonblocking(true).unwrap();
        let passage = world.driver.passage().unwrap();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [listening.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&descriptors));
        rustix::net::sendmsg(&passage, &[IoSlice::new(&[0])], &mut control, SendFlags::empty()).unwrap();
        world.driver.listen(()).unwrap();
        world
    }

    /// A client comes.
    fn come(&mut self) {
        let client = UnixStream::connect(self.folder.join("gateway")).unwrap();
        client.set_nonblocking(true).unwrap();
        self.wait(0);
        let key = self.accepted.pop().unwrap();
        let session = shared(Session::new(Arc::clone(&self.settings), None, 0.0));
        self.driver.enter(key, (), session, self.settings.limits.buffered_bytes).unwrap();
        self.peers.push(Peer {
            key,
            client: Some(client),
            server: None,
            asks: Way::default(),
            tells: Way::default(),
            next_id: 1,
            held: VecDeque::new(),
            is_connecting: false,
            is_held: false,
            is_paused: false,
            is_lost: false,
        });
    }

    /// A client whose request needs it is connected with a server of its own, which never answers that request.
    fn connect(&mut self, number: usize) {
        assert!(std::mem::take(&mut self.peers[number].is_connecting));
        let key = self.peers[number].key;
        let path = self.folder.join(number.to_string());
        let listening = UnixListener::bind(&path).unwrap();
        assert!(self.driver.connect_unix(key, &path).unwrap());
        let (server, _) = listening.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        self.peers[number].server = Some(server);
        let setup = Arc::new(UpstreamTls::None);
        let call = |session: &mut Session, now, step: &mut _| session.upstream_connected(&setup, now, step);
        let events = self.driver.visit(key, call).collect::<Vec<_>>();
        self.act(number, events);
        self.driver.release(key.on(Side::Upstream));
    }

    fn ask(&mut self, number: usize, requests: &[usize]) {
        let peer = &mut self.peers[number];
        for octets in requests {
            if peer.next_id == 1 {
                stage::search(&mut peer.asks.unsent, 1);
            } else {
                write::compare_request(&mut peer.asks.unsent, peer.next_id, b"dc=x", b"cn", &vec![b'?'; *octets]);
            }
            peer.next_id += 1;
        }
        peer.asks.send(peer.client.as_mut());
    }

    fn tell(&mut self, number: usize, octets: usize) {
        let peer = &mut self.peers[number];
        // Whose it is, in each octet.
        let tag = [b'a' + u8::try_from(number).unwrap()];
        let value = tag.repeat(octets);
        let attributes: [(&[u8], [&[u8]; 1]); 1] = [(b"cn", [&value])];
        write::search_entry(&mut peer.tells.unsent, 1, &tag, attributes, &[]);
        peer.tells.send(peer.server.as_mut());
    }

    fn read(&mut self, number: usize, side: Side, octets: usize) {
        let peer = &mut self.peers[number];
        let (stream, way) = match side {
            Side::Client => (&mut peer.client, &mut peer.tells),
            Side::Upstream => (&mut peer.server, &mut peer.asks),
        };
        let Some(stream) = stream else { return };
        let mut space = vec![0; octets];
        let mut filled = 0;
        while let Some(rest @ [_, ..]) = space.get_mut(filled..) {
            match stream.read(rest) {
                Ok(0) => break,
                Ok(some) => filled += some,
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionReset), "{error}");
                    break;
                }
            }
        }
        self.has_happened |= filled > 0;
        way.got.extend_from_slice(&space[..filled]);
    }

    /// A wait, behind verdicts on so many requests of each client.
    fn wait(&mut self, answered: usize) {
        let mut answers = Vec::new();
        for peer in &mut self.peers {
            for hold in peer.held.drain(..answered.min(peer.held.len())) {
                answers.push(Answer { client: peer.key, hold, verdict: Verdict::Pass });
            }
        }
        self.has_happened |= !answers.is_empty();
        let mut happened = Vec::new();
        let tell = |(): &(), key: Key, happening: Happening<'_>| {
            happened.push((
                key,
                match happening {
                    Happening::Events(events) => Told::Events(events.collect()),
                    Happening::Accepted(_) => Told::Accepted,
                    Happening::ClientLost => Told::ClientLost,
                    Happening::UpstreamLost => Told::UpstreamLost,
                    other => panic!("{other:?}"),
                },
            ));
        };
        self.driver.wait(answers.into_iter(), Some(0.0), |waiting| waiting(), tell).unwrap();
        self.has_happened |= !happened.is_empty();
        for (key, told) in happened {
            let number = self.peers.iter().position(|peer| peer.key == key.on(Side::Client));
            match (told, number) {
                (Told::Accepted, _) => self.accepted.push(key),
                (Told::Events(events), Some(number)) => self.act(number, events),
                (Told::ClientLost, Some(number)) => self.forget(number),
                (Told::UpstreamLost, Some(number)) => {
                    let peer = &mut self.peers[number];
                    self.driver.leave_upstream(peer.key);
                }
                (_, None) => panic!("nobody has that name"),
            }
        }
    }

    /// What a session asks its owner for.
    fn act(&mut self, number: usize, events: Vec<Event>) {
        for event in events {
            let peer = &mut self.peers[number];
            match event {
                Event::Held { hold, .. } => peer.held.push_back(hold),
                Event::PauseClient => peer.is_paused = true,
                Event::ResumeClient => peer.is_paused = false,
                Event::CloseUpstream(_) => {
                    peer.is_lost = true;
                    self.driver.leave_upstream(peer.key);
                }
                Event::Close(_) => {
                    self.driver.leave_upstream(peer.key);
                    if self.driver.leave(peer.key) {}
                }
                Event::Connect => peer.is_connecting = true,
                Event::UpstreamReady(_) | Event::Deadline(_) => {}
                other => panic!("{other:?}"),
            }
        }
        self.regard(number);
    }

    /// A client is read from unless the session or the owner does not want to.
    fn regard(&mut self, number: usize) {
        let peer = &self.peers[number];
        if peer.is_held || peer.is_paused {
            self.driver.hold(peer.key);
        } else {
            self.driver.release(peer.key);
        }
    }

    fn resume(&mut self, number: usize) {
        let peer = &mut self.peers[number];
        let Some(hold) = peer.held.pop_front() else { return };
        let call = |session: &mut Session, now, step: &mut _| session.resume(hold, Verdict::Pass, now, step);
        let events = self.driver.visit(peer.key, call).collect();
        self.act(number, events);
    }

    /// The client's socket is of no use any more.
    fn forget(&mut self, number: usize) {
        let peer = &mut self.peers[number];
        peer.is_lost = true;
        let events = self.driver.visit(peer.key, |session, _, step| session.client_gone(step)).collect::<Vec<_>>();
        assert!(events.iter().all(|event| matches!(event, Event::CloseUpstream(_) | Event::Close(_))), "{events:?}");
        self.driver.leave_upstream(peer.key);
        self.driver.remove(peer.key);
    }

    fn lose(&mut self, number: usize, side: Side) {
        let peer = &mut self.peers[number];
        peer.is_lost = true;
        match side {
            Side::Client => peer.client = None,
            Side::Upstream => peer.server = None,
        }
    }

    fn does(&mut self, deed: &Deed) {
        match *deed {
            Deed::Ask(number, ref requests) => self.ask(number, requests),
            Deed::Tell(number, octets) => self.tell(number, octets),
            Deed::TellAll(octets) => (0..PEERS).for_each(|number| self.tell(number, octets)),
            Deed::Read(number, side, octets) => self.read(number, side, octets),
            Deed::Wait(answered) => self.wait(answered),
            Deed::Resume(number) => self.resume(number),
            Deed::Hold(number) => {
                self.peers[number].is_held = true;
                self.regard(number);
            }
            Deed::Release(number) => {
                self.peers[number].is_held = false;
                self.regard(number);
            }
            Deed::Finish(number) => {
                let peer = &mut self.peers[number];
                if let Some(client) = peer.client.take() {
                    let _ = client.shutdown(Shutdown::Write);
                    // It still reads; it asks no more.
                    peer.client = Some(client);
                    peer.is_lost = true;
                }
            }
            Deed::Lose(number, side) => self.lose(number, side),
        }
    }

    /// Everybody reads, every hook answers and nobody holds anything up, until nothing happens any more.
    fn settle(&mut self) {
        for number in 0..self.peers.len() {
            self.peers[number].is_held = false;
            self.regard(number);
        }
        let mut quiet = 0;
        while quiet < 5 {
            self.has_happened = false;
            self.wait(usize::MAX);
            for number in 0..self.peers.len() {
                let peer = &mut self.peers[number];
                self.has_happened |= peer.asks.send(peer.client.as_mut()) | peer.tells.send(peer.server.as_mut());
                self.read(number, Side::Client, 1 << 20);
                self.read(number, Side::Upstream, 1 << 20);
            }
            quiet = if self.has_happened { 0 } else { quiet + 1 };
        }
    }

    fn check(&self) {
        for peer in &self.peers {
            if peer.is_lost {
                // A server gets what its client asked for and then an Unbind; a client what its server told, and then
                // what the gateway says of the loss.
                let [asked, told] = [&peer.asks, &peer.tells].map(|way| {
                    let own = way.sent.iter().zip(&way.got).take_while(|(sent, got)| sent == got).count();
                    &way.got[own..]
                });
                assert!(asked.is_empty() || asked.ends_with(&[0x42, 0]), "{asked:?}");
                let texts: [&[u8]; 2] = [b"is unavailable", b"1.3.6.1.4.1.1466.20036"];
                let is_said = |text: &&[u8]| told.windows(text.len()).any(|part| part == *text);
                assert!(told.is_empty() || texts.iter().any(is_said), "{told:?}");
                let others = |octets: &[u8]| (b'a'..b'a' + 6).any(|tag| octets.iter().all(|octet| *octet == tag));
                assert!(!told.windows(8).any(others), "{told:?}");
            } else {
                for Way { unsent, sent, got } in [&peer.asks, &peer.tells] {
                    assert!(unsent.is_empty() && got == sent, "{} of {}, {}", got.len(), sent.len(), unsent.len());
                }
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What the driver told.
enum Told {
    Events(Vec<Event>),
    Accepted,
    ClientLost,
    UpstreamLost,
}

fn seconds() -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn octets_come_where_they_belong(deeds in deeds(), is_asking in any::<bool>()) {
        let mut world = World::new(is_asking);
        for deed in &deeds {
            world.does(deed);
        }
        world.settle();
        world.check();
    }
}

#[test]
fn what_comes_of_a_verdict_is_acted_on_before_the_client_is_read() {
    let mut world = World::empty(true);
    world.come();
    world.ask(0, &[1]);
    world.wait(0);
    assert_eq!(world.peers[0].held.len(), 1);
    // The next request is there before the verdict, by which a server is needed.
    world.ask(0, &[1]);
    world.wait(1);
    assert!(world.peers[0].is_connecting);
    assert!(world.peers[0].held.is_empty(), "it was read though nobody had acted");
    world.wait(0);
    assert_eq!(world.peers[0].held.len(), 1);
    world.connect(0);
    world.settle();
    world.check();
}
