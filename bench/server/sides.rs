//! The two servers as processes, how they are told to publish, and what they use.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// This server, as it starts: its history in memory.
    Everfresh,
    /// The same with its history in a file: each event is on disk before it is told.
    File,
    /// npm `socket.io`.
    SocketIo,
}

impl Side {
    pub const ALL: [Self; 3] = [Self::Everfresh, Self::SocketIo, Self::File];

    pub fn name(self) -> &'static str {
        match self {
            Self::Everfresh => "everfresh",
            Self::File => "everfresh, file",
            Self::SocketIo => "socket.io",
        }
    }

    pub fn is_ours(self) -> bool {
        self != Self::SocketIo
    }
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/server")
}

/// Installs socket.io, in the version of the lock file.
pub fn install_rival() {
    if here().join("node_modules/socket.io").is_dir() {
        return;
    }
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(here())
        .status();
    assert!(
        npm.is_ok_and(|status| status.success()),
        "npm cannot install socket.io"
    );
}

/// A server that runs; killed at the end.
pub struct Running {
    child: Child,
    pub addr: SocketAddr,
    folder: PathBuf,
}

impl Running {
    pub fn start(side: Side) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("everfresh-bench-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = match side {
            Side::SocketIo => {
                let mut node = Command::new("node");
                node.arg(here().join("socketio.mjs"));
                node.env("NODE_ENV", "production");
                node
            }
            Side::Everfresh | Side::File => {
                let mut ours = Command::new(env!("CARGO_BIN_EXE_everfresh-server"));
                ours.args(["--listen", "127.0.0.1:0", "--demo"]);
                if side == Side::File {
                    ours.arg("--data").arg(folder.join("data.sqlite"));
                }
                ours
            }
        };
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let stdout = child.stdout.as_mut().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let addr = line.trim_end().strip_prefix("listening on http://");
        let addr = addr.expect("a line with the address").parse().unwrap();
        Self {
            child,
            addr,
            folder,
        }
    }

    pub fn load(&self) -> Load {
        Load::of(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.child.kill();
        let _reaped = self.child.wait();
        let _left = std::fs::remove_dir_all(&self.folder);
    }
}

/// What a process used so far, and has now.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub cpu_ms: f64,
    pub rss_mb: f64,
    pub peak_mb: f64,
}

impl Load {
    pub fn of_self() -> Self {
        Self::of(std::process::id())
    }

    fn of(process: u32) -> Self {
        let read = |name| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap();
        let stat = read("stat");
        // The name may hold anything; what follows its bracket is the third field.
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks = |field: usize| fields[field - 3].parse::<f64>().unwrap();
        let status = read("status");
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let number = line.split_whitespace().nth(1).unwrap();
            number.parse::<f64>().unwrap() / 1024.0
        };
        Self {
            // A hundred a second on every Linux there is.
            cpu_ms: (ticks(14) + ticks(15)) * 10.0,
            rss_mb: kib("VmRSS"),
            peak_mb: kib("VmHWM"),
        }
    }
}

/// Says to a server what is to be published, over one connection.
pub struct Publisher {
    side: Side,
    bodies: mpsc::UnboundedSender<(String, Option<oneshot::Sender<()>>)>,
}

/// Connects. Requests follow one another without waiting for answers, as HTTP/1.1 allows.
pub async fn publisher(side: Side, addr: SocketAddr) -> Publisher {
    let stream = TcpStream::connect(addr).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut from, mut to) = stream.into_split();
    let (bodies, mut asked) = mpsc::unbounded_channel::<(String, Option<oneshot::Sender<()>>)>();
    let (sent, mut waiting) = mpsc::unbounded_channel::<Option<oneshot::Sender<()>>>();
    tokio::spawn(async move {
        while let Some((body, done)) = asked.recv().await {
            let path = if side.is_ours() {
                "/api/publish"
            } else {
                "/publish"
            };
            let mut head = Vec::with_capacity(256 + body.len());
            write!(
                head,
                "POST {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            if to.write_all(&head).await.is_err() || sent.send(done).is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        let mut text = Vec::new();
        while let Some(done) = waiting.recv().await {
            while !take_answer(&mut text) {
                let mut some = [0; 4096];
                match from.read(&mut some).await {
                    Ok(0) | Err(_) => panic!("{} closed a publisher's connection", side.name()),
                    Ok(count) => text.extend_from_slice(&some[..count]),
                }
            }
            if let Some(done) = done {
                let _gone = done.send(());
            }
        }
    });
    Publisher { side, bodies }
}

/// Takes one answer from the front, if it is there whole.
fn take_answer(text: &mut Vec<u8>) -> bool {
    let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else {
        return false;
    };
    let head = std::str::from_utf8(&text[..end])
        .unwrap()
        .to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    if head.contains("transfer-encoding: chunked") {
        let Some(last) = text.windows(5).position(|five| five == b"0\r\n\r\n") else {
            return false;
        };
        text.drain(..last + 5);
        return true;
    }
    let length = head.split("content-length: ").nth(1).unwrap();
    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
    if text.len() < end + 4 + length {
        return false;
    }
    text.drain(..end + 4 + length);
    true
}

impl Publisher {
    /// Puts an event in line and returns.
    pub fn later(&self, body: String) {
        self.bodies.send((body, None)).unwrap();
    }

    /// Publishes and waits for the answer.
    pub async fn now(&self, body: String) {
        let (done, is_done) = oneshot::channel();
        self.bodies.send((body, Some(done))).unwrap();
        is_done
            .await
            .unwrap_or_else(|_| panic!("{} does not answer", self.side.name()));
    }
}

/// What is compared, in words.
pub fn about() -> Value {
    let said = |program: &str, flag: &str| {
        let output = Command::new(program).arg(flag).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let version = |package: &str| -> Value {
        let file = here().join(format!("node_modules/{package}/package.json"));
        let text = std::fs::read_to_string(file).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["version"].take()
    };
    json!({
        "date": said("date", "+%Y-%m-%d"),
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "node": said("node", "--version"),
        "rustc": said("rustc", "--version"),
        "socket.io": version("socket.io"),
        "bufferutil": version("bufferutil"),
    })
}
