//! The servers beside the demo's own, between which its page at `/backends` switches: two of Socket.IO, one
//! that speaks as Supabase Realtime and Phoenix do, and one that speaks as Centrifugo does.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::Result;
use crate::process::Group;
use crate::project::Project;
use crate::tools::driver::free_port;
use crate::tools::python;

/// A server that is to be started when the demo's own is there.
pub struct Server {
    /// What the page knows it by.
    name: &'static str,
    port: u16,
    program: PathBuf,
    /// Below the top of the repository.
    file: &'static str,
}

/// Those that can be had here. What is missing is told, and the demo goes without it.
pub fn servers(project: &Project) -> Result<Vec<Server>> {
    let mut servers = Vec::new();
    for (name, file) in [
        ("node", "examples/socketio/server.mjs"),
        ("feed", "examples/stand-ins/phoenix.mjs"),
        ("centrifugo", "examples/stand-ins/centrifugo.mjs"),
    ] {
        servers.push(Server {
            name,
            port: free_port()?,
            program: "node".into(),
            file,
        });
    }
    match python::ensure(project, &python::SOCKETIO) {
        Ok(Ok(program)) => servers.push(Server {
            name: "python",
            port: free_port()?,
            program,
            file: "examples/socketio/server.py",
        }),
        Ok(Err(missing)) => println!("without a server in Python: {}", missing.0),
        Err(error) => println!("without a server in Python: {error}"),
    }
    Ok(servers)
}

impl Server {
    /// What the demo's server is told of it.
    pub fn neighbour(&self) -> String {
        format!("{}=http://127.0.0.1:{}", self.name, self.port)
    }

    /// Starts it; it follows the server at this address.
    pub fn start(&self, project: &Project, source: &str) -> Option<Group> {
        let mut command = project.command(&self.program);
        command
            .arg(project.path(self.file))
            .env("PORT", self.port.to_string())
            .env("SOURCE", source)
            // What the stand-ins want to know comes so.
            .arg(format!(
                r#"{{"port":{},"www":"","data":"","source":"{source}"}}"#,
                self.port
            ))
            .stdout(Stdio::null());
        start(&mut command, self.name)
    }
}

fn start(command: &mut Command, name: &str) -> Option<Group> {
    Group::start(command)
        .map_err(|error| println!("without the server {name}: {error}"))
        .ok()
}
