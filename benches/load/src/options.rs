//! The command line of `ostiary-load`: `--name value` pairs behind one verb.
//!
//! Called by the harness only, so it is strict and small: unknown names and missing values are faults.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::client::{Operation, Target};
use crate::run::Plan;
use crate::serve::{self, Mode};
use crate::tls::{self, Offer};

pub const USAGE: &str = "\
usage: ostiary-load serve [--address 127.0.0.1:0] [--transport plain|starttls|ldaps] [--entries 1]
                          [--certificate FILE --key FILE] [--suite and --group as below]
       ostiary-load run   --address HOST:PORT [--transport plain|starttls|ldaps] [--ca FILE] [--name NAME]
                          [--suite TLS13_AES_256_GCM_SHA384] [--group X25519]
                          [--operation search|bind|connect] [--entries 1] [--people 1] [--clients 1] [--outstanding 1]
                          [--rate N] [--duration SECONDS | --operations N] [--warmup SECONDS] [--gate] [--coalesce]
                          [--bind-name DN] [--bind-password PASSWORD]
       ostiary-load idle  --address HOST:PORT --clients N [--bind] [transport options as above]";

pub enum Command {
    Serve(serve::Options),
    Run { plan: Plan, target: Target },
    Idle { count: usize, binds: bool, target: Target },
}

/// What is taken on both sides of a gateway unless told otherwise, named as rustls prints them.
const SUITE: &str = "TLS13_AES_256_GCM_SHA384";
const GROUP: &str = "X25519";

struct Arguments(BTreeMap<String, String>);

/// Options that stand alone.
const FLAGS: [&str; 3] = ["bind", "coalesce", "gate"];

impl Arguments {
    fn read(words: &[String]) -> Result<Self, String> {
        let mut given = BTreeMap::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("unexpected argument: {word}"))?;
            let value = if FLAGS.contains(&name) {
                "yes".to_owned()
            } else {
                words.next().ok_or_else(|| format!("no value for: {word}"))?.clone()
            };
            given.insert(name.to_owned(), value);
        }
        Ok(Self(given))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn text(&mut self, name: &str, otherwise: &str) -> String {
        self.take(name).unwrap_or_else(|| otherwise.to_owned())
    }

    fn number<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, String> {
        self.take(name)
            .map(|text| text.parse().map_err(|_| format!("--{name}: not a number in range: {text}")))
            .transpose()
    }

    fn seconds(&mut self, name: &str) -> Result<Option<Duration>, String> {
        let seconds: Option<f64> = self.number(name)?;
        seconds.map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|e| format!("--{name}: {e}"))).transpose()
    }

    fn finish(self) -> Result<(), String> {
        match self.0.keys().next() {
            Some(name) => Err(format!("unknown option: --{name}")),
            None => Ok(()),
        }
    }
}

pub fn parse(words: &[String]) -> Result<Command, String> {
    let (verb, rest) = words.split_first().ok_or("no verb")?;
    let mut arguments = Arguments::read(rest)?;
    let command = match verb.as_str() {
        "serve" => Command::Serve(server(&mut arguments)?),
        "run" => Command::Run { plan: plan(&mut arguments)?, target: target(&mut arguments)? },
        "idle" => Command::Idle {
            count: arguments.number("clients")?.unwrap_or(1),
            binds: arguments.take("bind").is_some(),
            target: target(&mut arguments)?,
        },
        _ => return Err(format!("unknown verb: {verb}")),
    };
    arguments.finish()?;
    Ok(command)
}

fn server(arguments: &mut Arguments) -> Result<serve::Options, String> {
    let certificate = arguments.take("certificate").map(PathBuf::from);
    let key = arguments.take("key").map(PathBuf::from);
    Ok(serve::Options {
        address: arguments.text("address", "127.0.0.1:0"),
        mode: mode(arguments)?,
        entries: arguments.number("entries")?.unwrap_or(1),
        identity: certificate.zip(key),
        suite: arguments.text("suite", SUITE),
        group: arguments.text("group", GROUP),
    })
}

fn mode(arguments: &mut Arguments) -> Result<Mode, String> {
    match arguments.text("transport", "plain").as_str() {
        "plain" => Ok(Mode::Plain),
        "starttls" => Ok(Mode::StartTls),
        "ldaps" => Ok(Mode::Ldaps),
        other => Err(format!("unknown transport: {other}")),
    }
}

fn target(arguments: &mut Arguments) -> Result<Target, String> {
    let address = arguments.take("address").ok_or("--address is needed")?;
    let address: SocketAddr = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("not an address: {address}"))?;
    let mode = mode(arguments)?;
    let suite = arguments.text("suite", SUITE);
    let group = arguments.text("group", GROUP);
    let offer = Offer { suite: &suite, group: &group };
    let tls = match (mode, arguments.take("ca")) {
        (Mode::Plain, _) => None,
        (_, Some(ca)) => Some(tls::client(Path::new(&ca), &offer)?),
        (_, None) => return Err("--ca is needed".into()),
    };
    Ok(Target {
        address,
        mode,
        name: arguments.text("name", "localhost"),
        tls,
        bind_name: arguments.text("bind-name", "cn=bench,dc=bench,dc=example"),
        bind_password: arguments.text("bind-password", "bench"),
    })
}

fn plan(arguments: &mut Arguments) -> Result<Plan, String> {
    let entries = arguments.number("entries")?.unwrap_or(1);
    let operation = match arguments.text("operation", "search").as_str() {
        "search" => Operation::Search { entries },
        "bind" => Operation::Bind,
        "connect" => Operation::Connect,
        other => return Err(format!("unknown operation: {other}")),
    };
    let plan = Plan {
        operation,
        clients: arguments.number("clients")?.unwrap_or(1),
        outstanding: arguments.number("outstanding")?.unwrap_or(1),
        people: arguments.number("people")?.unwrap_or(1),
        rate: arguments.number("rate")?,
        duration: arguments.seconds("duration")?,
        operations: arguments.number("operations")?,
        warmup: arguments.seconds("warmup")?.unwrap_or_default(),
        gate: arguments.take("gate").is_some(),
        coalesce: arguments.take("coalesce").is_some(),
    };
    if plan.duration.is_none() && plan.operations.is_none() {
        return Err("--duration or --operations is needed".into());
    }
    if plan.clients == 0 || plan.outstanding == 0 || plan.rate.is_some_and(|rate| rate <= 0.0) {
        return Err("--clients, --outstanding and --rate are above zero".into());
    }
    Ok(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn reads_a_whole_run() {
        let line = "run --address 127.0.0.1:389 --operation search --entries 3 --clients 2 --duration 0.5 --gate";
        let Ok(Command::Run { plan, target }) = parsed(line) else { panic!("not a run") };
        assert_eq!((plan.operation, plan.clients, plan.gate), (Operation::Search { entries: 3 }, 2, true));
        assert_eq!((plan.duration, target.mode), (Some(Duration::from_millis(500)), Mode::Plain));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for line in [
            "walk",
            "run --duration 1",
            "run --address 127.0.0.1:1",
            "run --address 127.0.0.1:1 --duration 1 --speed 9",
            "run --address 127.0.0.1:1 --duration 1 --clients 0",
            "run --address 127.0.0.1:1 --duration 1 --transport ldaps",
            "serve --entries many",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
