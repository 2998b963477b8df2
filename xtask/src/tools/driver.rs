//! A WebDriver for one engine, on a free port, with all that its browser needs around it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::engines::{Browser, Engine};
use super::xvfb::Xvfb;
use crate::error::{Cause, Error, Result};
use crate::process::{Group, command, tail};
use crate::project::Project;

const READY_WITHIN: Duration = Duration::from_secs(30);

/// The surroundings of one engine: kept alive as long as its browsers run.
pub struct Surroundings {
    screen: Option<Xvfb>,
}

impl Surroundings {
    /// Makes them.
    pub fn of(engine: Engine) -> Result<Self> {
        let screen = match engine {
            Engine::Chromium | Engine::Firefox => None,
            Engine::WebKit => Some(Xvfb::start()?),
        };
        Ok(Self { screen })
    }

    /// Gives a command, and so the browsers below it, what they need.
    pub fn apply(&self, command: &mut Command) {
        if let Some(screen) = &self.screen {
            command.env("DISPLAY", screen.display());
            // Its sandbox needs user namespaces, which containers forbid, and refuses root.
            command.env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1");
            // A desktop's Wayland would be preferred to the screen above.
            command.env_remove("WAYLAND_DISPLAY");
            command.env("GDK_BACKEND", "x11");
            // Where the machine has none its pages have a language that `Intl` refuses.
            command.env("LANG", "en_US.UTF-8");
        }
    }
}

/// A running WebDriver; dropping it ends it with all its browsers.
pub struct Driver {
    url: String,
    _group: Group,
}

impl Driver {
    /// Starts the driver and waits until it answers.
    pub fn start(
        project: &Project,
        browser: &Browser,
        surroundings: &Surroundings,
    ) -> Result<Self> {
        let name = browser.engine.name();
        let port = free_port()?;
        let log = project.log_file(&format!("{name}-driver"))?;
        let write_log =
            || File::create(&log).map_err(|error| Error::io("cannot write", &log, &error));
        let mut driver = command(&browser.driver);
        driver
            .arg(format!("--port={port}"))
            .stdout(write_log()?)
            .stderr(write_log()?);
        surroundings.apply(&mut driver);
        let mut group = Group::start(&mut driver)
            .map_err(|error| Error::io("cannot start", &browser.driver, &error))?;

        let started = Instant::now();
        while !answers(port) {
            let ended = group.status();
            if ended.is_some() || started.elapsed() > READY_WITHIN {
                let output = std::fs::read(&log).unwrap_or_default();
                let how =
                    ended.map_or_else(|| "does not answer".to_owned(), |status| status.to_string());
                return Err(Error::new(
                    Cause::Failed,
                    format!("the driver of {name}, {}: {how}", browser.driver.display()),
                )
                .with_detail(tail(&String::from_utf8_lossy(&output))));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Self {
            url: format!("http://127.0.0.1:{port}"),
            _group: group,
        })
    }

    /// Where sessions are asked for.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A port that nobody listens on at the moment.
pub fn free_port() -> Result<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Error::new(Cause::Failed, format!("no free port on 127.0.0.1: {error}")))
}

/// Asks the driver for its status, as the WebDriver standard has it.
fn answers(port: u16) -> bool {
    status(port).is_some_and(|answer| is_ready(&answer))
}

fn status(port: u16) -> Option<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(
        stream,
        "GET /status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 1024];
    // Not all drivers close the connection: stop when the answer is complete.
    while !is_ready(&String::from_utf8_lossy(&answer)) {
        match stream.read(&mut part) {
            Ok(read) if read > 0 => answer.extend_from_slice(part.get(..read)?),
            _ => break,
        }
    }
    Some(String::from_utf8_lossy(&answer).into_owned())
}

fn is_ready(answer: &str) -> bool {
    let packed: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
    packed.contains("\"ready\":true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_ready() {
        assert!(is_ready(
            "HTTP/1.1 200 OK\r\n\r\n{\"value\": {\"ready\": true}}"
        ));
        assert!(!is_ready("{\"value\":{\"ready\":false}}"));
        assert!(!is_ready(""));
    }
}
