//! The measured loops: closed (each client asks again when answered) and at a fixed rate.
//!
//! At a fixed rate a latency begins at the moment the request was due, not at the moment a client was free to send
//! it: a gateway that stalls is charged for everything it kept waiting. It does not know what CPU the gateway used;
//! with `gate`, the caller measures around exactly the operations reported: the run says "ready" between warm-up and
//! measurement, with nothing outstanding, and goes on when it reads a line.

use std::collections::VecDeque;
use std::io::BufRead;
use std::time::{Duration, Instant};

use crate::canned::Canned;
use crate::client::{Client, Operation, Phase, Target};
use crate::poller::{Poller, Ready};
use crate::report::Report;
use crate::transport::READ_BYTES;

pub struct Plan {
    pub operation: Operation,
    pub clients: usize,
    pub outstanding: usize,
    /// How many people searches look for, in turn.
    pub people: usize,
    /// Requests a second; none: closed loop.
    pub rate: Option<f64>,
    pub duration: Option<Duration>,
    pub operations: Option<u64>,
    pub warmup: Duration,
    pub gate: bool,
    /// Requests that may be sent at the same moment share a write and a TLS record. Client libraries do not: each
    /// request is a write of its own.
    pub coalesce: bool,
}

/// Without any answer for this long, a run gives up: a machine that does other things may pause for seconds.
const STALL_SECONDS: u64 = 30;

struct Load<'a> {
    plan: &'a Plan,
    target: &'a Target,
    requests: Vec<Canned>,
    /// The request that is next.
    next_request: usize,
    poller: Poller,
    clients: Vec<Option<Client>>,
    scratch: Vec<u8>,
    report: Report,
    /// When the next request is due, at a fixed rate.
    due: Instant,
    /// Moments at which requests were due while no client was free.
    late: VecDeque<Instant>,
    issued: u64,
    next_client: usize,
}

/// When a phase of the run stops asking.
#[derive(Clone, Copy)]
struct Until {
    deadline: Option<Instant>,
    operations: Option<u64>,
}

pub fn run(plan: &Plan, target: &Target) -> Result<Report, String> {
    let mut load = Load {
        plan,
        target,
        requests: plan.operation.requests(plan.people, target),
        next_request: 0,
        poller: Poller::new()?,
        clients: Vec::new(),
        scratch: vec![0; READ_BYTES],
        report: Report::new()?,
        due: Instant::now(),
        late: VecDeque::new(),
        issued: 0,
        next_client: 0,
    };
    load.prepare()?;
    let warmed = Until { deadline: Some(Instant::now() + plan.warmup), operations: None };
    load.ask_until(warmed)?;
    let warmup_failed = load.report.errors > 0;
    if plan.gate && !warmup_failed {
        println!("ready");
        std::io::stdin().lock().read_line(&mut String::new()).map_err(|e| e.to_string())?;
    }
    if warmup_failed {
        return Ok(load.report);
    }
    let mut measured = Report::new()?;
    measured.negotiated.append(&mut load.report.negotiated);
    measured.tickets = load.report.tickets;
    load.report = measured;
    let (received, sent) = load.bytes();
    let began = Instant::now();
    let until = Until { deadline: plan.duration.map(|duration| began + duration), operations: plan.operations };
    load.ask_until(until)?;
    load.report.wall = began.elapsed();
    let (received_now, sent_now) = load.bytes();
    load.report.bytes_received += received_now.saturating_sub(received);
    load.report.bytes_sent += sent_now.saturating_sub(sent);
    Ok(load.report)
}

impl Load<'_> {
    /// Opens and binds every client; for `connect` each operation opens its own.
    fn prepare(&mut self) -> Result<(), String> {
        self.clients.resize_with(self.plan.clients, || None);
        if self.plan.operation == Operation::Connect {
            return Ok(());
        }
        for token in 0..self.plan.clients {
            let client = Client::open(self.target, true, Instant::now())?;
            self.poller.add(&client.transport.stream, token)?;
            self.clients[token] = Some(client);
        }
        let give_up = Instant::now() + Duration::from_secs(STALL_SECONDS);
        let mut ready = Vec::new();
        while self.clients.iter().flatten().any(|client| client.phase != Phase::Open) {
            if Instant::now() > give_up {
                return Err("clients were not bound in time".into());
            }
            self.poller.wait(Some(Duration::from_millis(100)), &mut ready)?;
            for event in &ready {
                self.attend(*event)?;
            }
            if let Some(text) = self.first_error() {
                return Err(text);
            }
        }
        for client in self.clients.iter().flatten() {
            self.report.negotiated.extend(client.transport.negotiated());
            self.report.tickets = self.report.tickets.max(client.transport.tickets_received());
        }
        Ok(())
    }

    fn first_error(&self) -> Option<String> {
        (self.report.errors > 0).then(|| self.report.to_json())
    }

    /// Asks until the end of the phase, then waits for what is outstanding.
    fn ask_until(&mut self, until: Until) -> Result<(), String> {
        self.issued = 0;
        self.due = Instant::now();
        let mut ready = Vec::new();
        let mut last_answer = Instant::now();
        loop {
            let now = Instant::now();
            let asking = self.ask_what_is_due(now, until)?;
            if !asking && self.late.is_empty() && self.is_quiet() {
                return Ok(());
            }
            let answered = self.report.operations;
            let limit = match (asking, self.plan.rate) {
                (true, Some(_)) => self.due.saturating_duration_since(Instant::now()),
                _ => Duration::from_millis(200),
            };
            self.poller.wait(Some(limit), &mut ready)?;
            for event in &ready {
                self.attend(*event)?;
            }
            if self.report.operations > answered || self.is_quiet() {
                last_answer = now;
            } else if now - last_answer > Duration::from_secs(STALL_SECONDS) {
                let missing: usize = self.clients.iter().flatten().map(Client::outstanding).sum();
                self.report.failed(format!("stalled: {missing} requests unanswered"));
                return Ok(());
            }
            if self.report.errors > 0 && self.clients.iter().all(Option::is_none) {
                return Ok(());
            }
        }
    }

    fn is_quiet(&self) -> bool {
        match self.plan.operation {
            Operation::Connect => self.clients.iter().all(Option::is_none),
            _ => self.clients.iter().flatten().all(|client| client.outstanding() == 0),
        }
    }

    /// Sends everything that may be sent now; false when the phase is over.
    fn ask_what_is_due(&mut self, now: Instant, until: Until) -> Result<bool, String> {
        let over = |issued: u64, at: Instant| {
            until.deadline.is_some_and(|deadline| at >= deadline)
                || until.operations.is_some_and(|operations| issued >= operations)
        };
        if let Some(rate) = self.plan.rate {
            let step = Duration::from_secs_f64(1.0 / rate);
            while self.due <= now && !over(self.issued, self.due) {
                self.late.push_back(self.due);
                self.due += step;
                self.issued += 1;
            }
            while !self.late.is_empty() {
                let Some(token) = self.free_client() else {
                    break;
                };
                if let Some(due) = self.late.pop_front() {
                    self.ask(token, due)?;
                    self.send(token)?;
                }
            }
            return Ok(!over(self.issued, self.due));
        }
        for token in 0..self.clients.len() {
            let mut asked = false;
            while !over(self.issued, now) && self.may_ask(token) {
                self.ask(token, Instant::now())?;
                self.issued += 1;
                asked = true;
                if !self.plan.coalesce {
                    self.send(token)?;
                }
            }
            if asked && self.plan.coalesce {
                self.send(token)?;
            }
        }
        Ok(!over(self.issued, now))
    }

    /// Whether this client may have one more request outstanding. Clients that failed stay away.
    fn may_ask(&self, token: usize) -> bool {
        match (self.plan.operation, &self.clients[token]) {
            (Operation::Connect, client) => client.is_none() && self.report.errors == 0,
            (_, Some(client)) => client.outstanding() < self.plan.outstanding,
            (_, None) => false,
        }
    }

    /// Turns are taken, so that every connection is in use at any rate.
    fn free_client(&mut self) -> Option<usize> {
        let count = self.clients.len();
        let token = (0..count).map(|step| (self.next_client + step) % count).find(|token| self.may_ask(*token))?;
        self.next_client = (token + 1) % count;
        Some(token)
    }

    fn ask(&mut self, token: usize, due: Instant) -> Result<(), String> {
        if self.plan.operation == Operation::Connect {
            match Client::open(self.target, true, due) {
                Ok(client) => {
                    self.poller.add(&client.transport.stream, token)?;
                    self.clients[token] = Some(client);
                }
                Err(text) => self.report.failed(text),
            }
            return Ok(());
        }
        let Some(client) = self.clients[token].as_mut() else {
            return Ok(());
        };
        let Some(request) = self.requests.get_mut(self.next_request) else {
            return Ok(());
        };
        client.ask(request, due)?;
        self.next_request = (self.next_request + 1) % self.requests.len();
        Ok(())
    }

    fn send(&mut self, token: usize) -> Result<(), String> {
        let Some(client) = self.clients[token].as_mut() else {
            return Ok(());
        };
        match client.transport.flush() {
            Ok(flushed) if flushed == client.waits_to_write => {
                client.waits_to_write = !flushed;
                self.poller.watch_writable(&client.transport.stream, token, !flushed)
            }
            Ok(_) => Ok(()),
            Err(text) => {
                self.report.failed(text);
                self.clients[token] = None;
                Ok(())
            }
        }
    }

    /// Takes what arrived for one client. Its faults are counted and end it; they never end the run.
    fn attend(&mut self, event: Ready) -> Result<(), String> {
        let token = event.token;
        let Some(client) = self.clients.get_mut(token).and_then(Option::as_mut) else {
            return Ok(());
        };
        if event.readable {
            let report = &mut self.report;
            let result = client.attend(self.plan.operation, self.target, &mut self.scratch, |started| {
                report.finished(started.elapsed());
            });
            if let Err(text) = result {
                self.report.failed(text);
                self.clients[token] = None;
                return Ok(());
            }
            if self.plan.operation == Operation::Connect && client.phase == Phase::Open {
                self.report.finished(client.since.elapsed());
                self.leave(token);
                return Ok(());
            }
        }
        self.send(token)
    }

    fn leave(&mut self, token: usize) {
        let Some(client) = self.clients[token].take() else {
            return;
        };
        self.report.negotiated.extend(client.transport.negotiated());
        self.report.tickets = self.report.tickets.max(client.transport.tickets_received());
        match client.leave() {
            Ok((received, sent)) => {
                self.report.bytes_received += received;
                self.report.bytes_sent += sent;
            }
            Err(text) => self.report.failed(text),
        }
    }

    fn bytes(&self) -> (u64, u64) {
        self.clients.iter().flatten().fold((0, 0), |(received, sent), client| {
            (received + client.transport.bytes_received, sent + client.transport.bytes_sent)
        })
    }
}
