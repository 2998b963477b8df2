//! A PostgreSQL of the tests' own: started when the first test of a process asks for it, on a socket in a folder of its
//! own, and ended with the process, however that ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use everfresh_server::DatabaseUrl;
use postgres::{Client, NoTls};

/// Runs the server until the pipe to this script closes, which it does whatever becomes of the test.
const KEEPER: &str = r#"
programs=$1 folder=$2
shift 2
"$programs/postgres" -D "$folder/data" -k "$folder" -c fsync=off -c max_connections=200 "$@" >"$folder/log" 2>&1 &
read -r _
kill -QUIT $!
wait
rm -rf "$folder"
"#;

/// Is there none on this machine, as whoever runs the tests says: `EVERFRESH_TEST_DATABASE=sqlite`?
pub fn is_absent() -> bool {
    std::env::var_os("EVERFRESH_TEST_DATABASE").is_some_and(|database| database == "sqlite")
}

struct Cluster {
    folder: PathBuf,
    _keeper: Child,
}

static CLUSTER: OnceLock<Cluster> = OnceLock::new();
static DATABASES: AtomicU32 = AtomicU32::new(0);

fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| {
        let name = format!("everfresh-pg-{}", std::process::id());
        begin(&name, &["-c", "listen_addresses="], |_folder, _owner| ())
    })
}

/// Makes a cluster and starts it. `prepare` gets its folder, and whose it has to be.
fn begin(
    name: &str,
    settings: &[&str],
    prepare: impl FnOnce(&Path, Option<(u32, u32)>),
) -> Cluster {
    let programs = programs().expect("PostgreSQL is installed: apt-get install postgresql");
    // A socket's path has at most 107 bytes.
    let folder = Path::new("/tmp").join(name);
    let _old = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let user = user();
    if let Some((user, group)) = user {
        std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
    }
    let made = as_user(user, programs.join("initdb"))
        .args([
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ])
        .arg(folder.join("data"))
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    prepare(&folder.join("data"), user);
    let keeper = as_user(user, "sh")
        .args(["-c", KEEPER, "sh"])
        .args([&programs, &folder])
        .args(settings)
        .current_dir(&folder)
        .stdin(Stdio::piped())
        // It ends a moment after the test, and must not hold its output open until then.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let cluster = Cluster {
        folder,
        _keeper: keeper,
    };
    let port = settings.iter().find_map(|one| one.strip_prefix("port="));
    for _ in 0..300 {
        let url = format!(
            "{}&port={}",
            cluster.url("postgres"),
            port.unwrap_or("5432")
        );
        let there = std::thread::spawn(move || Client::connect(&url, NoTls).is_ok());
        if there.join().unwrap() {
            return cluster;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!(
        "PostgreSQL did not start: {:?}",
        std::fs::read_to_string(cluster.folder.join("log"))
    );
}

/// One that takes nothing but TLS over TCP.
pub struct Secure {
    cluster: Cluster,
    port: u16,
}

/// Starts it with the `server.crt` and `server.key` of a folder.
pub fn secure(certificates: &Path) -> Secure {
    // Below those that the system gives to connections: one of them could take it before PostgreSQL has.
    let first = 10_000 + u16::try_from(std::process::id() % 20_000).unwrap();
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (first..32_000).find(free).expect("a free port");
    let listen = format!("port={port}");
    let settings = [
        "-c",
        "ssl=on",
        "-c",
        "listen_addresses=127.0.0.1",
        "-c",
        &listen,
    ];
    let name = format!("everfresh-tls-{}", std::process::id());
    let cluster = begin(&name, &settings, |data, owner| {
        for name in ["server.crt", "server.key"] {
            let file = data.join(name);
            std::fs::copy(certificates.join(name), &file).unwrap();
            let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&file, owner_only).unwrap();
            if let Some((user, group)) = owner {
                std::os::unix::fs::chown(&file, Some(user), Some(group)).unwrap();
            }
        }
        let rules = "local all all trust\nhostssl all all all trust\n";
        std::fs::write(data.join("pg_hba.conf"), rules).unwrap();
    });
    Secure { cluster, port }
}

impl Secure {
    /// Its address over TCP.
    pub fn url(&self, host: &str, query: &str) -> String {
        format!("postgres://postgres@{host}:{}/postgres?{query}", self.port)
    }

    /// Its address without TLS, for whoever is on the machine.
    pub fn inside(&self) -> String {
        format!("{}&port={}", self.cluster.url("postgres"), self.port)
    }
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!(
            "postgres://postgres@/{database}?host={}",
            self.folder.display()
        )
    }
}

/// Where Debian or another system keeps its programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|version| {
            let number = version.file_name().to_str()?.parse().ok()?;
            Some((number, version.path().join("bin")))
        })
        .filter(|(_, path)| path.join("initdb").is_file())
        .collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| folder.join("initdb").is_file());
    found.pop().map(|(_, path)| path).or(on_path)
}

/// PostgreSQL does not run as root: then as somebody else.
fn user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout)
            .ok()?
            .trim()
            .parse::<u32>()
            .ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| Some((id(&["-u", name])?, id(&["-g", name])?)))
}

fn as_user(user: Option<(u32, u32)>, program: impl AsRef<Path>) -> Command {
    let Some((user, group)) = user else {
        return Command::new(program.as_ref());
    };
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid",
            &user.to_string(),
            "--regid",
            &group.to_string(),
            "--clear-groups",
        ])
        .arg(program.as_ref());
    command
}

/// The address of a database that nobody used before.
pub fn fresh() -> String {
    let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
    run(
        &cluster().url("postgres"),
        &format!("CREATE DATABASE {name}"),
    );
    cluster().url(&name)
}

/// The same one for the same folder of a test: what is in it survives the server.
pub fn of_folder(folder: &Path) -> String {
    static KNOWN: Mutex<BTreeMap<PathBuf, String>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap();
    known.entry(folder.to_owned()).or_insert_with(fresh).clone()
}

/// As the configuration has it.
pub fn database(url: &str) -> DatabaseUrl {
    DatabaseUrl::new(url).unwrap()
}

/// What any other program does to a database. The client blocks, and so needs a thread without a runtime.
pub fn with<T: Send + 'static>(
    url: &str,
    work: impl FnOnce(&mut Client) -> T + Send + 'static,
) -> T {
    let url = url.to_owned();
    let thread = std::thread::spawn(move || work(&mut Client::connect(&url, NoTls).unwrap()));
    thread.join().unwrap()
}

/// Runs statements.
pub fn run(url: &str, statements: &str) {
    let statements = statements.to_owned();
    with(url, move |client| {
        client.batch_execute(&statements).unwrap()
    });
}
