//! Starting and stopping.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::app::{self, App, Requests};
use crate::carried::Carriers;
use crate::clock;
use crate::config::Config;
use crate::demo;
use crate::hub::Hub;
use crate::live::{Live, Origins};
use crate::pages::Pages;
use crate::publish::Publishing;
use crate::publisher::Publisher;
use crate::reload;
use crate::store::{OpenStore, Store, StoreError};

/// How long a shutdown may take before what is left is dropped.
const SHUTDOWN_MAX: Duration = Duration::from_millis(1_500);

/// How long closing the data file may take after that. Not closed, it is as after a crash: whole, but still held.
const CLOSE_MAX: Duration = Duration::from_millis(300);

/// A running server. Dropping it stops it without the farewell of [`Self::shutdown`]: its sockets break.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    live: Arc<Live>,
    store: Store,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    keeping: JoinHandle<()>,
    reloading: JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What publishes events from within this process.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.store.clone())
    }

    /// Takes no more connections, tells every page to come back later, and waits until all are closed, but not
    /// for long.
    pub async fn shutdown(mut self) {
        self.live.go_away("shutdown");
        // The sender's end is as good as a word: what waits for it goes on either way.
        drop(self.stop.take());
        let quiet = async {
            self.live.emptied().await;
            let _ended = (&mut self.serving).await;
        };
        let _late = timeout(SHUTDOWN_MAX, quiet).await;
        let _late = timeout(CLOSE_MAX, self.store.close()).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.live.cut(None);
        self.serving.abort();
        self.keeping.abort();
        self.reloading.abort();
    }
}

/// Why the server did not start; the text says what to do.
#[derive(Debug)]
pub enum StartError {
    /// It cannot listen there.
    Listen {
        /// The address as it was given.
        listen: String,
        /// What the system said.
        error: io::Error,
    },
    /// The folder of the page has no `index.html`.
    NoPage {
        /// The folder as it was given.
        folder: String,
    },
    /// The data file cannot be used.
    Data {
        /// The file as it was given.
        file: String,
        /// What went wrong.
        error: StoreError,
    },
    /// The list of people cannot be used.
    People {
        /// The file as it was given.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A key for tokens cannot be used.
    Keys {
        /// The setting.
        setting: &'static str,
        /// Its file, where it is one.
        file: Option<String>,
        /// What is wrong with it.
        why: String,
    },
    /// The rules cannot be used.
    Rules {
        /// The file as it was given.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Tokens are signed, and nothing says what whoever has one may do.
    NoRules,
    /// There are a list of people and keys for tokens.
    TwoKindsOfTokens,
    /// The store's thread cannot be started.
    Thread(io::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen { listen, error } if error.kind() == io::ErrorKind::AddrInUse => {
                write!(
                    f,
                    "{listen} is in use: stop the program that listens there, or choose another port with --listen HOST:PORT (port 0 takes a free one)"
                )
            }
            Self::Listen { listen, error } => {
                write!(
                    f,
                    "cannot listen on {listen}: {error}; give --listen HOST:PORT, such as 127.0.0.1:4321"
                )
            }
            Self::NoPage { folder } => {
                write!(
                    f,
                    "there is no index.html in {folder}: build the page first, or start without --www"
                )
            }
            Self::Data {
                file,
                error: StoreError::Database(error),
            } if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                write!(
                    f,
                    "{file} is in use by another server: stop it, or choose another file with --data FILE"
                )
            }
            Self::Data { file, error } => {
                write!(
                    f,
                    "cannot keep data in {file}: {error}; choose another file with --data FILE"
                )
            }
            Self::People { file, why } => {
                write!(
                    f,
                    "the people in {file} cannot be used: {why}; give --people FILE with a line TOKEN NAME CHANNEL... for each"
                )
            }
            Self::Keys { setting, file, why } => {
                let file = file.as_deref().unwrap_or("what was given");
                write!(f, "{setting}: {file} cannot be used: {why}")
            }
            Self::Rules { file, why } => {
                write!(f, "rules: {file} cannot be used: {why}")
            }
            Self::NoRules => f.write_str(
                "rules: there are keys for tokens, and nothing says what whoever has one may do: give --rules FILE, or [[channel]] tables in the file of --config",
            ),
            Self::TwoKindsOfTokens => f.write_str(
                "people: there are keys for tokens as well: give either --people or a --jwt-… setting",
            ),
            Self::Thread(error) => write!(f, "the store's thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Starts a server on the current tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), everfresh_server::StartError> {
/// use everfresh_server::{Config, serve};
///
/// let config = Config { listen: "127.0.0.1:0".to_owned(), demo: true, ..Config::default() };
/// let server = serve(config).await?;
/// assert_ne!(server.addr().port(), 0);
/// server.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When it cannot listen, or the page or the data cannot be used.
pub async fn serve(config: Config) -> Result<Handle, StartError> {
    // First of all, so that a second server by mistake fails before it touches the data.
    let listen_error = |error| StartError::Listen {
        listen: config.listen.clone(),
        error,
    };
    let listener = TcpListener::bind(&config.listen)
        .await
        .map_err(listen_error)?;
    let addr = listener.local_addr().map_err(listen_error)?;

    if let Some(folder) = config
        .www
        .as_ref()
        .filter(|folder| !folder.join("index.html").is_file())
    {
        return Err(StartError::NoPage {
            folder: folder.display().to_string(),
        });
    }
    let data_error = |error| StartError::Data {
        file: config
            .data
            .as_ref()
            .map_or_else(|| "memory".to_owned(), |file| file.display().to_string()),
        error,
    };
    let access = reload::access(&config)?;
    let (store, hub) = open_store(&config).map_err(data_error)?;
    let live = Arc::new(Live::new(hub, config.limits, access));
    let publisher = Arc::clone(&live);
    let store = store
        .start(move |events| publisher.publish(events))
        .map_err(StartError::Thread)?;

    let app = App {
        store: store.clone(),
        live: Arc::clone(&live),
        carriers: Carriers::default(),
        origins: Origins::new(&config.allow_origins),
        pages: config.www.as_deref().map(Pages::new),
        publishing: Publishing::new(config.publish_key.clone(), config.demo),
        requests: Arc::new(Requests::default()),
    };
    let router = app::router(app, config.demo);
    // Without this a small frame may wait 40 ms for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        let _stays_slower = stream.set_nodelay(true);
    });
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async {
        let _dropped = stopped.await;
    });
    let serving = tokio::spawn(async move {
        // axum's loop handles errors of accepting itself and ends only when told to.
        let _never_fails = serving.await;
    });
    let keeping = tokio::spawn(Arc::clone(&live.room).keep(store.clone()));
    let reloading = tokio::spawn(reload::keep(Arc::new(config), Arc::clone(&live)));
    Ok(Handle {
        addr,
        live,
        store,
        stop: Some(stop),
        serving,
        keeping,
        reloading,
    })
}

fn open_store(config: &Config) -> Result<(OpenStore, Hub<Arc<crate::outbox::Outbox>>), StoreError> {
    let now = clock::now();
    let mut store = OpenStore::open(config.data.as_ref(), config.limits.store(), now)?;
    if config.demo && store.is_untouched()? {
        store.seed(
            demo::tasks().map_err(|_bad| StoreError::Corrupt("example"))?,
            now,
        )?;
    }
    let mut hub = Hub::new(store.epoch().clone(), config.limits.hub());
    for channel in store.channels(config.limits.recover_max)? {
        hub.restore(channel.name, channel.head, channel.events);
    }
    Ok((store, hub))
}
