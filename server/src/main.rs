//! The reference server's binary.

use std::io::Write;
use std::process::ExitCode;

use everfresh_server::{Command, Config, HELP, serve};

fn main() -> ExitCode {
    match Command::parse(std::env::args_os().skip(1), |name| std::env::var_os(name)) {
        Ok(Command::Serve(config)) => run(*config),
        Ok(Command::Help) => say(HELP.trim_end()),
        Ok(Command::Version) => say(concat!("everfresh-server ", env!("CARGO_PKG_VERSION"))),
        Err(error) => fail(&error),
    }
}

#[tokio::main]
async fn run(config: Config) -> ExitCode {
    let handle = match serve(config).await {
        Ok(handle) => handle,
        Err(error) => return fail(&error),
    };
    // One line, and flushed: whoever started the server reads it to know when and where it is ready.
    say(&format!("listening on {}", handle.url()));
    if let Err(error) = told_to_stop().await {
        return fail(&error);
    }
    handle.shutdown().await;
    ExitCode::SUCCESS
}

#[cfg(unix)]
async fn told_to_stop() -> std::io::Result<()> {
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn told_to_stop() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
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
