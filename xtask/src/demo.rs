//! `cargo xtask demo`: from a fresh clone to the page in the browser.

mod beside;

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use crate::build::{self, Profile};
use crate::error::{Cause, Error, Result};
use crate::process::{Group, command, find};
use crate::project::Project;
use crate::tools::node;

/// What the server prints, followed by its address.
const LISTENING: &str = "listening on ";

struct Options {
    port: u16,
    data: Option<PathBuf>,
    open: bool,
}

/// The command.
pub fn run(project: &Project, arguments: lexopt::Parser) -> Result<bool> {
    let options = parse(arguments)?;
    // Before minutes of building, not after.
    check_port(options.port)?;
    node::check()?;
    let server = build::server(project, Profile::Release)?;
    build::site(project)?;
    let beside = beside::servers(project)?;
    serve(project, &server, &beside, &options)
}

fn parse(mut arguments: lexopt::Parser) -> Result<Options> {
    use lexopt::prelude::*;
    let mut options = Options {
        port: 0,
        data: None,
        open: true,
    };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("port") => options.port = arguments.value()?.parse()?,
            // Relative to where the user stands, while the server runs in the clone.
            Long("data") => {
                let path = PathBuf::from(arguments.value()?);
                let absolute = std::path::absolute(&path)
                    .map_err(|error| Error::io("cannot use", &path, &error))?;
                options.data = Some(absolute);
            }
            Long("no-open") => options.open = false,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(options)
}

/// Port 0 lets the system choose, which cannot fail.
fn check_port(port: u16) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Err(port_busy(port)),
        Err(error) => Err(Error::new(
            Cause::Failed,
            format!("cannot listen on port {port}: {error}; choose another with --port"),
        )),
    }
}

fn port_busy(port: u16) -> Error {
    Error::new(
        Cause::PortBusy,
        format!(
            "port {port} is in use: end the program that listens there, choose another with \
             --port N, or leave --port out for a free one"
        ),
    )
}

fn serve(
    project: &Project,
    server: &Path,
    beside: &[beside::Server],
    options: &Options,
) -> Result<bool> {
    let data = match &options.data {
        Some(data) => data.clone(),
        None => fresh_data(project)?,
    };
    let mut program = project.command(server);
    program
        .arg("--listen")
        .arg(format!("127.0.0.1:{}", options.port))
        .arg("--www")
        .arg(project.path("www/dist"))
        .arg("--data")
        .arg(data)
        .arg("--demo")
        // A link that goes deaf is noticed by its missing pings: whoever watches should not have to wait for long.
        .arg("--ping-ms")
        .arg("5000")
        .stdout(Stdio::piped());
    for one in beside {
        program.arg("--beside").arg(one.neighbour());
    }
    let mut group =
        Group::start(&mut program).map_err(|error| Error::io("cannot start", server, &error))?;
    // They end with us.
    let mut others = Vec::new();
    if let Some(output) = group.take_stdout() {
        for line in BufReader::new(output)
            .lines()
            .map_while(std::result::Result::ok)
        {
            match line.strip_prefix(LISTENING) {
                Some(url) => {
                    let url = url.trim();
                    // A server that the lab kills says this again.
                    if others.is_empty() {
                        others.extend(beside.iter().filter_map(|one| one.start(project, url)));
                    }
                    announce(url, options.open);
                }
                None => println!("{line}"),
            }
        }
    }
    // The output ends when the server does; nobody else ends it than a Ctrl-C, which ends us too.
    let status = group.wait(Duration::from_secs(10));
    // Between our own look at the port and the server's somebody else may have taken it.
    if options.port != 0 {
        drop(group);
        check_port(options.port)?;
    }
    let how = status.map_or_else(
        || "it closed its output".to_owned(),
        |status| status.to_string(),
    );
    Err(Error::new(
        Cause::Failed,
        format!("the server has ended: {how}"),
    ))
}

/// A file with nothing in it: each demo begins anew, and what is in it outlives a server that the lab kills.
fn fresh_data(project: &Project) -> Result<PathBuf> {
    let folder = project.path("target/xtask/demo");
    let failed = |error| Error::io("cannot use", &folder, &error);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    std::fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder.join("records.db"))
}

fn announce(url: &str, open: bool) {
    println!(
        "\n  The stage is at       {url}/stage\n  One tab by itself at  {url}\n  \
         Any backend at        {url}/backends\n  Ctrl-C ends it.\n"
    );
    if open && has_display() {
        open_browser(&format!("{url}/stage"));
    }
}

fn has_display() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if set("CI") || set("SSH_CONNECTION") {
        return false;
    }
    cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}

fn open_browser(url: &str) {
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    if find(opener).is_none() {
        return;
    }
    // Not one of our children: the browser stays when the demo ends.
    let _ = command(opener)
        .arg(url)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_one_line_with_the_remedy() -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let error = check_port(port).err();
        assert_eq!(
            error.as_ref().map(|error| error.cause),
            Some(Cause::PortBusy)
        );
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(
            text.contains("--port N") && text.lines().count() == 1,
            "{text}"
        );
        drop(listener);
        assert!(check_port(port).is_ok());
        Ok(())
    }

    #[test]
    fn options() {
        let parsed = parse(lexopt::Parser::from_args(["--port", "8080", "--no-open"]));
        assert!(matches!(
            parsed,
            Ok(Options {
                port: 8080,
                data: None,
                open: false
            })
        ));
        for bad in [
            &["--port"][..],
            &["--port", "many"],
            &["--ports", "1"],
            &["x"],
        ] {
            let parsed = parse(lexopt::Parser::from_args(bad));
            assert_eq!(
                parsed.err().map(|error| error.cause),
                Some(Cause::Usage),
                "{bad:?}"
            );
        }
    }
}
