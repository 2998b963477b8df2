//! Starting and stopping.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::app::{self, App, Requests};
use crate::audit::Audit;
use crate::carried::Carriers;
use crate::clock;
use crate::config::{Config, Limits};
use crate::demo;
use crate::faults::Faults;
use crate::hub::Hub;
use crate::listen;
use crate::live::{Live, Origins};
use crate::log;
use crate::metrics::Metrics;
use crate::pages::Pages;
use crate::publish::Publishing;
use crate::publisher::Publisher;
use crate::reload;
use crate::store::{OpenStore, Place, Store, StoreError, Trouble};

/// How long a shutdown may take before what is left is dropped.
const SHUTDOWN_MAX: Duration = Duration::from_millis(1_500);

/// How long closing the data file may take after that. Not closed, it is as after a crash: whole, but still held.
const CLOSE_MAX: Duration = Duration::from_millis(300);

/// How long a server that died may take to be started again, beside the pause that was asked for.
const REVIVAL_MAX: Duration = Duration::from_secs(10);

/// How often that is tried.
const REVIVAL_STEP: Duration = Duration::from_millis(50);

/// How often what is too old is let go.
const TIDY: Duration = Duration::from_secs(60);

/// A running server. Dropping it stops it without the farewell of [`Self::shutdown`]: its sockets break.
#[derive(Debug)]
pub struct Handle {
    addr: SocketAddr,
    secure: bool,
    live: Arc<Live>,
    store: Store,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    keeping: JoinHandle<()>,
    reloading: JoinHandle<()>,
    watching: Option<(SocketAddr, JoinHandle<()>)>,
    tidying: JoinHandle<()>,
    faults: Option<Arc<Faults>>,
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where `/metrics` is to be had, if that is an address of its own.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.watching.as_ref().map(|(addr, _)| *addr)
    }

    /// Its address for a browser.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// What publishes events from within this process.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        let audit = self.live.audit.clone();
        Publisher::new(self.store.clone(), audit, &self.live.limits)
    }

    /// Waits until the lab of the demo wants the server dead, and returns for how long. Without the demo nobody can.
    pub async fn told_to_die(&self) -> Duration {
        match &self.faults {
            Some(faults) => faults.told_to_die().await,
            None => std::future::pending().await,
        }
    }

    /// Dies without a word, as a crash does, and is started again at the same address after a pause. What was only in
    /// memory is gone.
    ///
    /// # Errors
    /// When it cannot be started again.
    pub async fn die(self, config: Config, pause: Duration) -> Result<Self, StartError> {
        let listen = self.addr.to_string();
        drop(self);
        sleep(pause).await;
        let config = Config { listen, ..config };
        let until = Instant::now() + REVIVAL_MAX;
        loop {
            match serve(config.clone()).await {
                // What the dead one held is let go by its last tasks.
                Err(error) if error.is_for_now() && Instant::now() < until => {
                    sleep(REVIVAL_STEP).await
                }
                done => return done,
            }
        }
    }

    /// Tells every page to come back later, one after the other where there are many, takes no more connections, and
    /// waits until all are closed, but not for long.
    pub async fn shutdown(mut self) {
        self.live.drain("shutdown").await;
        // The sender's end is as good as a word: what waits for it goes on either way.
        drop(self.stop.take());
        let quiet = async {
            self.live.emptied().await;
            let _ended = (&mut self.serving).await;
        };
        let _late = timeout(SHUTDOWN_MAX, quiet).await;
        let _late = timeout(CLOSE_MAX, self.store.close()).await;
        let _late = timeout(CLOSE_MAX, self.live.audit.flush()).await;
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.live.cut(None);
        if let Some(faults) = &self.faults {
            faults.cut_all();
        }
        self.serving.abort();
        self.keeping.abort();
        self.reloading.abort();
        if let Some((_, watching)) = &self.watching {
            watching.abort();
        }
        self.tidying.abort();
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
    /// The database cannot be used.
    Database {
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
    /// What a setting says cannot be used.
    Setting {
        /// The setting.
        setting: &'static str,
        /// What it says, unless it is a secret.
        value: Option<String>,
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
    /// There is a certificate without a key, or a key without a certificate.
    HalfOfTls,
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
            Self::Data { file, error } if error.is(Trouble::InUse) => {
                write!(
                    f,
                    "{file} is in use by another server: stop it, or choose another file with --data FILE"
                )
            }
            Self::Database { error } => {
                write!(
                    f,
                    "cannot keep data in PostgreSQL: {error}; give --database postgres://USER@HOST/NAME of a database in which that user may create a schema"
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
            Self::Setting {
                setting,
                value,
                why,
            } => {
                let value = value.as_deref().unwrap_or("what was given");
                write!(f, "{setting}: {value} cannot be used: {why}")
            }
            Self::Rules { file, why } => {
                write!(f, "rules: {file} cannot be used: {why}")
            }
            Self::NoRules => f.write_str(
                "rules: there are keys for tokens, and nothing says what whoever has one may do: give --rules FILE, or [[channel]] tables in the file of --config",
            ),
            Self::HalfOfTls => f.write_str("tls-cert: give both --tls-cert and --tls-key, or neither"),
            Self::TwoKindsOfTokens => f.write_str(
                "people: there are keys for tokens as well: give either --people or a --jwt-… setting",
            ),
            Self::Thread(error) => write!(f, "the store's thread cannot be started: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl StartError {
    /// Whether somebody else has what is needed, and may give it back.
    fn is_for_now(&self) -> bool {
        match self {
            Self::Listen { error, .. } => error.kind() == io::ErrorKind::AddrInUse,
            Self::Data { error, .. } => error.is(Trouble::InUse),
            _ => false,
        }
    }
}

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
    let tls = reload::tls(&config)?;
    let access = reload::access(&config)?;
    if !access.is_closed() && !addr.ip().is_loopback() {
        let open =
            "everybody who reaches this address may do everything: see --jwt-jwks and --rules";
        log::warn("access", &open, &[("address", &addr)]);
    }
    let (store, hub) = open_store(&config).await?;
    let metrics = Arc::new(Metrics::default());
    let audit = audit(&config, &metrics)?;
    let live = Arc::new(Live::new(
        hub,
        config.limits,
        access,
        metrics,
        audit,
        store.first_session(),
    ));
    let publisher = Arc::clone(&live);
    let store = store
        .start(config.limits.recover_max, move |events| {
            publisher.publish(events)
        })
        .map_err(StartError::Thread)?;

    let app = App {
        store: store.clone(),
        live: Arc::clone(&live),
        carriers: Carriers::default(),
        origins: Origins::new(&config.allow_origins),
        proxies: config.trust_proxies.clone(),
        beside: config.beside.clone(),
        pages: Pages::new(config.www.as_deref()),
        publishing: Publishing::new(config.publish_key.clone(), config.demo),
        requests: Arc::new(Requests::default()),
    };
    let watching = watch(&config, &app).await?;
    let faults = config.demo.then(Arc::<Faults>::default);
    let router = app::router(app, faults.as_ref());
    let (stop, stopped) = oneshot::channel::<()>();
    let limits = config.limits.listen();
    let secure = tls.is_some();
    let serving = listen::serve(
        listener,
        tls.clone(),
        router,
        faults.clone(),
        limits,
        stopped,
    );
    let serving = tokio::spawn(serving);
    let keeping = tokio::spawn(Arc::clone(&live.room).keep(store.clone()));
    let reloading = tokio::spawn(reload::keep(Arc::new(config), Arc::clone(&live), tls));
    let tidying = tokio::spawn(tidy(Arc::clone(&live), store.clone()));
    Ok(Handle {
        addr,
        secure,
        live,
        store,
        stop: Some(stop),
        serving,
        keeping,
        reloading,
        watching,
        tidying,
        faults,
    })
}

fn audit(config: &Config, metrics: &Arc<Metrics>) -> Result<Audit, StartError> {
    let Some(file) = &config.audit else {
        return Ok(Audit::default());
    };
    let limits = &config.limits;
    Audit::start(file, limits.audit_bytes_max, limits.audit_files, metrics)
        .map_err(|error| unusable("audit", file.display().to_string(), &error))
}

/// The address for whoever watches over the server, where it has one of its own.
async fn watch(
    config: &Config,
    app: &App,
) -> Result<Option<(SocketAddr, JoinHandle<()>)>, StartError> {
    let Some(listen) = &config.metrics_listen else {
        return Ok(None);
    };
    let fails = |error| unusable("metrics-listen", listen.clone(), &error);
    let listener = TcpListener::bind(listen).await.map_err(fails)?;
    let addr = listener.local_addr().map_err(fails)?;
    let serving = axum::serve(listener, app::watchers(app.clone()));
    let serving = tokio::spawn(async move {
        let _never_fails = serving.await;
    });
    Ok(Some((addr, serving)))
}

fn unusable(setting: &'static str, value: String, error: &io::Error) -> StartError {
    StartError::Setting {
        setting,
        value: Some(value),
        why: error.to_string(),
    }
}

type OpenHub = Hub<Arc<crate::outbox::Outbox>>;

/// On a thread that may block.
async fn open_store(config: &Config) -> Result<(OpenStore, OpenHub), StartError> {
    let place = match (&config.database, &config.data) {
        (Some(url), _) => Place::Postgres(url.as_str().to_owned()),
        (None, Some(file)) => Place::File(file.clone()),
        (None, None) => Place::Memory,
    };
    let file = place.to_string();
    let is_file = !matches!(place, Place::Postgres(_));
    let (limits, demo) = (config.limits, config.demo);
    let opened = tokio::task::spawn_blocking(move || open(place, limits, demo)).await;
    let opened = opened.unwrap_or(Err(StoreError::Stopped));
    opened.map_err(|error| match is_file {
        true => StartError::Data { file, error },
        false => StartError::Database { error },
    })
}

fn open(place: Place, limits: Limits, demo: bool) -> Result<(OpenStore, OpenHub), StoreError> {
    let now = clock::now();
    let mut store = OpenStore::open(place, limits.store(), now)?;
    if demo && store.is_untouched()? {
        store.seed(
            demo::tasks().map_err(|_bad| StoreError::Corrupt("example"))?,
            now,
        )?;
    }
    if demo {
        store.seed_blocks(&demo::blocks(now), now)?;
    }
    let mut hub = Hub::new(store.epoch().clone(), limits.hub());
    for channel in store.channels(limits.recover_max)? {
        hub.restore(channel.name, channel.head, channel.events);
    }
    Ok((store, hub))
}

/// Lets go what is too old, once a minute.
async fn tidy(live: Arc<Live>, store: Store) {
    loop {
        tokio::time::sleep(TIDY).await;
        live.forget_old();
        if let Err(error) = store.prune(clock::now()).await {
            log::store(&error);
        }
    }
}
