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
    // Before anything is said: whoever reads the line below may ask us to stop the moment after.
    let told_to_stop = match told_to_stop() {
        Ok(told_to_stop) => told_to_stop,
        Err(error) => return fail(&error),
    };
    let handle = match serve(config).await {
        Ok(handle) => handle,
        Err(error) => return fail(&error),
    };
    // One line, and flushed: whoever started the server reads it to know when and where it is ready.
    say(&format!("listening on {}", handle.url()));
    told_to_stop.await;
    handle.shutdown().await;
    ExitCode::SUCCESS
}

/// From the call on, signals to stop are caught; the future waits for the first.
#[cfg(unix)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminated, mut interrupted) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}

#[cfg(windows)]
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupted = tokio::signal::windows::ctrl_c()?;
    Ok(async move {
        interrupted.recv().await;
    })
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
