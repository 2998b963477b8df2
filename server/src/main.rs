//! The reference server's binary.

use std::io::Write;
use std::process::ExitCode;

use everfresh_server::{Command, Config, help, serve};

fn main() -> ExitCode {
    match Command::parse(std::env::args_os().skip(1), |name| std::env::var_os(name)) {
        Ok(Command::Serve(config)) => run(*config),
        Ok(Command::Help) => say(help().trim_end()),
        Ok(Command::Version) => say(concat!("everfresh-server ", env!("CARGO_PKG_VERSION"))),
        Err(error) => fail(&error),
    }
}

#[tokio::main]
async fn run(config: Config) -> ExitCode {
    everfresh_server::log_as(config.log);
    // Before anything is said: whoever reads the line below may ask us to stop the moment after.
    let mut told_to_stop = match told_to_stop() {
        Ok(told_to_stop) => told_to_stop,
        Err(error) => return fail(&error),
    };
    let mut handle = match serve(config.clone()).await {
        Ok(handle) => handle,
        Err(error) => return fail(&error),
    };
    // One line, and flushed: whoever started the server reads it to know when and where it is ready.
    say(&format!("listening on {}", handle.url()));
    loop {
        let pause = tokio::select! {
            () = told_to_stop.next() => break,
            pause = handle.told_to_die() => pause,
        };
        let revived = tokio::select! {
            () = told_to_stop.next() => return ExitCode::SUCCESS,
            revived = handle.die(config.clone(), pause) => revived,
        };
        handle = match revived {
            Ok(handle) => handle,
            Err(error) => return fail(&error),
        };
    }
    tokio::select! {
        () = handle.shutdown() => {}
        // Told twice, it goes at once.
        () = told_to_stop.next() => {}
    }
    ExitCode::SUCCESS
}

/// Signals to stop, caught from the beginning on.
#[cfg(unix)]
struct ToldToStop(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl ToldToStop {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
}

#[cfg(unix)]
fn told_to_stop() -> std::io::Result<ToldToStop> {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = signal(SignalKind::terminate())?;
    Ok(ToldToStop(terminated, signal(SignalKind::interrupt())?))
}

/// The same where there is one.
#[cfg(windows)]
struct ToldToStop(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl ToldToStop {
    async fn next(&mut self) {
        self.0.recv().await;
    }
}

#[cfg(windows)]
fn told_to_stop() -> std::io::Result<ToldToStop> {
    tokio::signal::windows::ctrl_c().map(ToldToStop)
}

fn say(text: &str) -> ExitCode {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_closed) => ExitCode::FAILURE,
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    let _ignored = writeln!(std::io::stderr().lock(), "everfresh-server: {error}");
    ExitCode::FAILURE
}
