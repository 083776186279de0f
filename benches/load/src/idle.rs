//! Connections that do nothing: opened, brought through TLS, bound if asked, and held until stdin closes.
//!
//! It measures nothing; the harness looks at the gateway's memory while they stand.

use std::io::Read;
use std::time::{Duration, Instant};

use crate::client::{Client, Operation, Phase, Target};
use crate::poller::Poller;
use crate::transport::{Arrived, READ_BYTES};

/// Handshakes under way at once: below the smallest listen backlog in use (uvloop's 100), as a refused SYN
/// costs a second.
const OPENING_MAX: usize = 64;
const OPEN_SECONDS_MAX: u64 = 120;

/// Opens `count` connections, prints "ready" with how many, and holds them until stdin closes.
pub fn idle(count: usize, binds: bool, target: &Target) -> Result<(), String> {
    let mut poller = Poller::new()?;
    let mut scratch = vec![0; READ_BYTES];
    let mut ready = Vec::new();
    let mut clients: Vec<Client> = Vec::with_capacity(count);
    let mut open = 0;
    let give_up = Instant::now() + Duration::from_secs(OPEN_SECONDS_MAX);
    while open < count {
        while clients.len() < count && clients.len() - open < OPENING_MAX {
            let client = Client::open(target, binds, Instant::now())?;
            poller.add(&client.transport.stream, clients.len())?;
            // A plain client that does not bind waits for nothing.
            open += usize::from(client.phase == Phase::Open);
            clients.push(client);
        }
        if Instant::now() > give_up {
            return Err(format!("only {open} of {count} connections opened in time"));
        }
        poller.wait(Some(Duration::from_millis(100)), &mut ready)?;
        for event in &ready {
            let client = &mut clients[event.token];
            let was_open = client.phase == Phase::Open;
            client.attend(Operation::Bind, target, &mut scratch, |_| {})?;
            client.transport.flush()?;
            open += usize::from(!was_open && client.phase == Phase::Open);
        }
    }
    println!("ready {count}");
    std::io::stdin().lock().read_to_end(&mut Vec::new()).map_err(|e| e.to_string())?;
    for client in &mut clients {
        if client.transport.read(&mut scratch)? == Arrived::End {
            return Err("a connection was closed while idle".into());
        }
    }
    Ok(())
}
