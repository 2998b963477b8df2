//! The audit log: who came, subscribed, published, locked, wrote and was refused, one JSON object a line.
//!
//! It holds ids, channels and codes. Never a token, the name of a session, or what was said. Lines go through a
//! queue to a thread of their own: a slow disk must not hold a page. What the queue has no room for is counted, and
//! the next line says how many there were.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use serde::Serialize;
use tokio::sync::oneshot;

use crate::access::Person;
use crate::address::Address;
use crate::clock;
use crate::codes::ErrorCode;
use crate::ids::{ClientId, SessionKey};
use crate::log;
use crate::metrics::{Metrics, Way};

/// Lines that may wait: at 300 bytes each one MiB.
const WAITING_MAX: usize = 4096;

/// Longest text that somebody else wrote in a line.
const TEXT_CHARS_MAX: usize = 256;

/// What a line tells of. All but `event` may be missing.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Line<'a> {
    /// What happened.
    pub(crate) event: &'static str,
    /// The connection, by the number that the server gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connection: Option<u64>,
    /// The person's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<&'a str>,
    /// How they are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<&'a str>,
    /// Their roles.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) roles: &'a [String],
    /// The tab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<&'a str>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// By which way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<&'static str>,
    /// On which channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) channel: Option<&'a str>,
    /// Which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<&'a str>,
    /// Under which fence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fence: Option<u64>,
    /// The number of an event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seq: Option<u64>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<ErrorCode>,
    /// The close code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) close: Option<u16>,
    /// Of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<&'a str>,
    /// Of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<&'a str>,
    /// Of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Lines that were lost before this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) lost: Option<usize>,
}

impl<'a> Line<'a> {
    /// A line about what a person did.
    #[must_use]
    pub(crate) fn of(event: &'static str, person: &'a Person) -> Self {
        Self {
            event,
            user: person.name.as_ref().map(|name| name.as_str()),
            name: person.called.as_deref(),
            roles: person.roles(),
            ..Self::default()
        }
    }

    /// The same, on a connection.
    #[must_use]
    pub(crate) fn on(mut self, key: SessionKey, client: Option<&'a ClientId>) -> Self {
        self.connection = Some(key.0);
        self.client = client.map(ClientId::as_str);
        self
    }

    /// The same, from somewhere.
    #[must_use]
    pub(crate) fn from(mut self, address: Option<Address>, way: Option<Way>) -> Self {
        self.address = address.map(|address| address.0.to_string());
        self.transport = way.map(Way::as_str);
        self
    }
}

enum Job {
    Line(String),
    Flush(oneshot::Sender<()>),
}

/// Where lines are handed in. Without a log to write to, it does nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Audit(Option<Arc<Queue>>);

#[derive(Debug)]
struct Queue {
    jobs: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    lost: AtomicUsize,
    metrics: Arc<Metrics>,
}

impl Audit {
    /// Begins to write to a file, or to stdout where it is `-`.
    ///
    /// # Errors
    /// When the file cannot be opened, or there can be no thread.
    pub(crate) fn start(
        file: &Path,
        bytes_max: u64,
        files: usize,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Self> {
        let sink = Sink::open(file, bytes_max, files)?;
        let (jobs, coming) = sync_channel(WAITING_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let taken = Arc::clone(&waiting);
        let thread = std::thread::Builder::new().name("audit".to_owned());
        thread.spawn(move || write(sink, &coming, &taken))?;
        Ok(Self(Some(Arc::new(Queue {
            jobs,
            waiting,
            lost: AtomicUsize::new(0),
            metrics: Arc::clone(metrics),
        }))))
    }

    /// Is anything written down?
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Lines that wait.
    pub(crate) fn waiting(&self) -> usize {
        let queue = self.0.as_ref();
        queue.map_or(0, |queue| queue.waiting.load(Ordering::Relaxed))
    }

    /// Hands a line in.
    pub(crate) fn write(&self, mut line: Line<'_>) {
        #[derive(Serialize)]
        struct Dated<'a> {
            at: u64,
            #[serde(flatten)]
            line: &'a Line<'a>,
        }
        let Some(queue) = &self.0 else { return };
        let lost = queue.lost.swap(0, Ordering::Relaxed);
        line.lost = (lost > 0).then_some(lost);
        for text in [&mut line.channel, &mut line.path, &mut line.field] {
            *text = text.map(clipped);
        }
        let (at, line) = (clock::now().0, &line);
        let Ok(text) = serde_json::to_string(&Dated { at, line }) else {
            return;
        };
        queue.waiting.fetch_add(1, Ordering::Relaxed);
        match queue.jobs.try_send(Job::Line(text)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                queue.waiting.fetch_sub(1, Ordering::Relaxed);
                queue.lost.fetch_add(lost + 1, Ordering::Relaxed);
                queue.metrics.audit_lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until what was handed in is written.
    pub(crate) async fn flush(&self) {
        let Some(queue) = &self.0 else { return };
        let (done, flushed) = oneshot::channel();
        if queue.jobs.try_send(Job::Flush(done)).is_ok() {
            let _gone = flushed.await;
        }
    }
}

fn clipped(text: &str) -> &str {
    let end = text.char_indices().nth(TEXT_CHARS_MAX);
    end.and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// Writes until nobody hands anything in any more. What is ready goes out in one go.
fn write(mut sink: Sink, jobs: &Receiver<Job>, waiting: &AtomicUsize) {
    let mut failed = false;
    while let Ok(job) = jobs.recv() {
        let mut flushed = Vec::new();
        let mut done = Ok(());
        for job in std::iter::once(job).chain(jobs.try_iter().take(WAITING_MAX)) {
            match job {
                Job::Line(line) => {
                    waiting.fetch_sub(1, Ordering::Relaxed);
                    done = done.and_then(|()| sink.line(&line));
                }
                Job::Flush(answer) => flushed.push(answer),
            }
        }
        let done = done.and_then(|()| sink.flush());
        // Said once, not at every line of a full disk.
        if let (Err(error), false) = (&done, failed) {
            log::error("audit", error, &[]);
        }
        failed = done.is_err();
        for answer in flushed {
            let _gone = answer.send(());
        }
    }
}

/// Where lines end.
enum Sink {
    Stdout,
    File {
        path: PathBuf,
        file: BufWriter<File>,
        bytes: u64,
        bytes_max: u64,
        files: usize,
    },
}

impl Sink {
    fn open(path: &Path, bytes_max: u64, files: usize) -> io::Result<Self> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let file = appending(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self::File {
            path: path.to_owned(),
            file: BufWriter::new(file),
            bytes,
            bytes_max,
            files,
        })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Stdout => writeln!(io::stdout().lock(), "{line}"),
            Self::File {
                path,
                file,
                bytes,
                bytes_max,
                files,
            } => {
                let size = line.len() as u64 + 1;
                if *bytes > 0 && *bytes + size > *bytes_max {
                    file.flush()?;
                    rotate(path, *files)?;
                    *file = BufWriter::new(appending(path)?);
                    *bytes = 0;
                }
                *bytes += size;
                writeln!(file, "{line}")
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout => io::stdout().lock().flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}

fn appending(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    // Who did what is not for everybody on the machine.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

/// `audit` becomes `audit.1`, that `audit.2`, and so on; the last one is dropped.
fn rotate(path: &Path, files: usize) -> io::Result<()> {
    if files == 0 {
        return std::fs::remove_file(path);
    }
    let numbered = |number: usize| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    for number in (1..files).rev() {
        if numbered(number).exists() {
            rename(numbered(number), numbered(number + 1))?;
        }
    }
    rename(path, numbered(1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[tokio::test]
    async fn files_are_begun_anew_and_only_so_many_are_kept() {
        let folder = std::env::temp_dir().join(format!("everfresh-audit-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("audit");
        let audit = Audit::start(&path, 200, 2, &Arc::default()).unwrap();
        for seq in 0..20 {
            audit.write(Line {
                event: "publish",
                channel: Some("a\n{channel}"),
                seq: Some(seq),
                ..Line::default()
            });
        }
        audit.flush().await;
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["audit", "audit.1", "audit.2"]);
        let mut last = None;
        for name in ["audit.2", "audit.1", "audit"] {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            assert!(text.len() <= 200, "{name}");
            for line in text.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                let seq = line["seq"].as_u64().unwrap();
                assert!(last.is_none_or(|last| last + 1 == seq));
                assert_eq!(
                    (&line["event"], &line["channel"]),
                    (&"publish".into(), &"a\n{channel}".into())
                );
                last = Some(seq);
            }
        }
        assert_eq!(last, Some(19));
        assert_eq!(audit.waiting(), 0);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
