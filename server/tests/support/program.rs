//! The program itself, so that it can be killed.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_everfresh-server");

/// A running program; killed when the test is over, however that ends.
pub struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts it; it says where it listens.
pub fn serve(variables: &[(&str, String)]) -> (Running, SocketAddr) {
    // A long run uses a copy, so that a build in the meantime does not change it.
    let program = std::env::var_os("EVERFRESH_SERVER").unwrap_or_else(|| PROGRAM.into());
    let child = Command::new(program)
        .args([
            "--listen",
            "127.0.0.1:0",
            "--demo",
            "--requests",
            "1000000+1000000",
        ])
        .args([
            "--hellos",
            "1000000+1000000",
            "--connections-of-one-max",
            "1000000",
        ])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .spawn();
    let mut running = Running(child.unwrap());
    let mut line = String::new();
    let stdout = running.0.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    let addr = line.trim_end().strip_prefix("listening on http://");
    let addr = addr.expect("the one line of stdout").parse().unwrap();
    (running, addr)
}
