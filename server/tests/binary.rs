//! The program itself: what it prints, how it refuses, how it goes, and what is left when it is killed.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests may fail loudly"
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};

use hyper::Method;
use serde_json::{Value, json};
use support::{Got, Page, in_time, publish, send};

const PROGRAM: &str = env!("CARGO_BIN_EXE_everfresh-server");

/// A running program; killed when the test is over, however that ends.
struct Running {
    child: Child,
    addr: SocketAddr,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["--listen", "127.0.0.1:0", "--demo"])
            .args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line
            .trim_end()
            .strip_prefix("listening on http://")
            .expect("the one line of stdout");
        Self {
            addr: addr.parse().unwrap(),
            child,
        }
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(kill.success());
    }

    async fn ended(mut self) -> Output {
        let ended = tokio::task::spawn_blocking(move || {
            let status = self.child.wait().unwrap();
            let mut stdout = Vec::new();
            self.child
                .stdout
                .take()
                .unwrap()
                .read_to_end(&mut stdout)
                .unwrap();
            Output {
                status,
                stdout,
                stderr: Vec::new(),
            }
        });
        in_time("the program to end", ended).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().unwrap()
}

#[tokio::test]
async fn told_to_stop_it_says_farewell_and_ends_well() {
    for signal in ["-TERM", "-INT"] {
        let running = Running::start(&[]);
        let mut page = Page::welcomed(running.addr, "tab").await;
        running.signal(signal);
        let (heard, end) = page.hear_out().await;
        assert_eq!(
            heard
                .iter()
                .map(|message| &message["t"])
                .collect::<Vec<_>>(),
            ["goaway"]
        );
        assert_eq!(end, Got::Close(4503, "going away".to_owned()));
        let output = running.ended().await;
        assert!(output.status.success(), "{output:?}");
        assert_eq!(output.stdout, b"", "one line and no more");
    }
}

#[tokio::test]
async fn a_busy_port_is_one_line_with_the_remedy() {
    let running = Running::start(&[]);
    let output = run(&["--listen", &running.addr.to_string()]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), b"".as_slice())
    );
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.contains(&running.addr.to_string()) && stderr.contains("--listen"),
        "{stderr}"
    );
}

#[test]
fn what_makes_no_sense_is_one_line_too() {
    for arguments in [
        ["--port", "1"],
        ["--listen", "nonsense"],
        ["--listen", "127.0.0.1:99999"],
        ["--www", "/nowhere"],
    ] {
        let output = run(&arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), stderr.lines().count()),
            (Some(1), 1),
            "{arguments:?}: {stderr}"
        );
    }
    let help = run(&["--help"]);
    assert!(
        help.status.success()
            && String::from_utf8(help.stdout)
                .unwrap()
                .contains("--allow-origin")
    );
}

#[tokio::test]
async fn killed_it_loses_nothing_that_was_answered() {
    let folder = std::env::temp_dir().join(format!("everfresh-killed-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("data.sqlite");
    let data = ["--data", file.to_str().unwrap()];
    let mut position = None;
    let mut answered = 0;
    for round in 0..5 {
        let running = Running::start(&data);
        let mut page = Page::welcomed(running.addr, "tab").await;
        let answer = page.subscribe("news", position.as_ref()).await;
        if position.is_some() {
            assert_eq!(answer["recovered"], true, "round {round}");
            let missed: Vec<u64> = answer["missed"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|event| event["s"].as_u64())
                .collect();
            assert!(
                missed.iter().copied().eq(answered - 2..=answered),
                "{missed:?} up to {answered}"
            );
        }
        let publish_some = async || {
            for _ in 0..3 {
                answered = publish(running.addr, "news", &Value::from(round)).await;
            }
        };
        position = Some(answer["pos"].clone());
        let mut publish_some = publish_some;
        publish_some().await;
        let task = json!({ "title": format!("Round {round}") });
        let made = send(running.addr, Method::POST, "/api/tasks", &task)
            .await
            .json();
        assert_eq!(made["id"], (13 + round).to_string());
        running.signal("-KILL");
        assert!(!running.ended().await.status.success());
        let _closed = page.hear_out().await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
