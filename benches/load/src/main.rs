//! `ostiary-load`: the canned LDAP server and the load generator of the benches.
//!
//! It does not know which gateway it is pointed at, and it does not judge numbers: `benches/compare.py` does.

mod canned;
mod client;
mod idle;
mod options;
mod poller;
mod report;
mod run;
mod serve;
mod tls;
mod transport;
mod wire;

use std::process::ExitCode;

use options::Command;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match options::parse(&arguments) {
        Ok(command) => command,
        Err(text) => {
            eprintln!("ostiary-load: {text}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Serve(options) => serve::serve(&options).map(|()| true),
        Command::Idle { count, binds, target } => idle::idle(count, binds, &target).map(|()| true),
        Command::Run { plan, target } => run::run(&plan, &target).map(|report| {
            println!("{}", report.to_json());
            report.errors == 0
        }),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            eprintln!("ostiary-load: {text}");
            ExitCode::FAILURE
        }
    }
}
