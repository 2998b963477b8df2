//! Files that may change while the server runs: keys, certificates, rules and the list of people. They are looked at every now and then, because
//! that works on every system and every file system, also where a file is put in place by a rename or a link.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::access::{Access, BadLine, FILE_BYTES_MAX};
use crate::config::Config;
use crate::config::read::{read_text, read_toml};
use crate::live::Live;
use crate::log;
use crate::rules::Rules;
use crate::serve::StartError;
use crate::tls::{BadCertificate, Tls};
use crate::tokens::{BadKeys, Checker};

/// What tells a file from what it was before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    changed: Option<SystemTime>,
    bytes: u64,
}

/// A file, as it was when it was last looked at.
#[derive(Debug)]
pub(crate) struct Watched {
    file: PathBuf,
    seen: Option<Look>,
}

impl Watched {
    /// A file as it is now.
    pub(crate) fn new(file: PathBuf) -> Self {
        let seen = look(&file);
        Self { file, seen }
    }

    /// Is it another one than when this was asked last?
    pub(crate) fn has_changed(&mut self) -> bool {
        let now = look(&self.file);
        let changed = now != self.seen;
        self.seen = now;
        // One that is gone for a moment is being replaced.
        changed && now.is_some()
    }
}

fn look(file: &PathBuf) -> Option<Look> {
    let known = std::fs::metadata(file).ok()?;
    Some(Look {
        changed: known.modified().ok(),
        bytes: known.len(),
    })
}

/// Who may come in, and what they may do.
///
/// # Errors
/// When a file cannot be used, or the settings contradict each other.
pub(crate) fn access(config: &Config) -> Result<Access, StartError> {
    let checker = Checker::load(&config.tokens).map_err(StartError::from)?;
    let access = match (&config.people, checker) {
        (Some(_), Some(_)) => return Err(StartError::TwoKindsOfTokens),
        (Some(file), None) => people(file, Access::listed)?,
        // Whoever has a token of the company is not yet meant to see all of it.
        (None, Some(_)) if config.rules.is_none() => return Err(StartError::NoRules),
        (None, Some(checker)) => Access::signed(checker),
        (None, None) => Access::open(config.demo),
    };
    Ok(match rules(config)? {
        Some(rules) => access.with_rules(rules),
        None => access,
    })
}

/// What speaks TLS, if there is a certificate.
///
/// # Errors
/// When it cannot be used.
pub(crate) fn tls(config: &Config) -> Result<Option<Tls>, StartError> {
    match (&config.tls_cert, &config.tls_key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some(Tls::load(certificate, key)?)),
        _ => Err(StartError::HalfOfTls),
    }
}

fn people<T>(
    file: &PathBuf,
    read: impl FnOnce(&str) -> Result<T, BadLine>,
) -> Result<T, StartError> {
    let wrong = |why: String| StartError::People {
        file: file.display().to_string(),
        why,
    };
    let text = read_text(file, FILE_BYTES_MAX).map_err(wrong)?;
    read(&text).map_err(|line: BadLine| wrong(line.to_string()))
}

fn rules(config: &Config) -> Result<Option<Rules>, StartError> {
    let Some(file) = &config.rules else {
        return Ok(None);
    };
    let of_their_own = config.file.as_ref() != Some(file);
    let read = read_toml(file).and_then(|table| {
        let other = table.keys().find(|key| *key != "channel");
        match other {
            Some(other) if of_their_own => Err(format!(
                "{other:?} is none of the [[channel]] that a file of rules has"
            )),
            _ => Rules::read(&table),
        }
    });
    read.map(Some).map_err(|why| StartError::Rules {
        file: file.display().to_string(),
        why,
    })
}

/// Takes in what changes, for as long as it is polled. A file that cannot be used is told of, and what held before
/// goes on to hold.
pub(crate) async fn keep(config: Arc<Config>, live: Arc<Live>, tls: Option<Tls>) {
    let tokens = &config.tokens;
    let keys = [&tokens.secret_file, &tokens.public_key, &tokens.jwks];
    let mut keys = watched(keys);
    let certificate = [&config.tls_cert, &config.tls_key];
    let mut certificate = watched(certificate);
    let mut rule_file = config.rules.clone().map(Watched::new);
    let mut people_file = config.people.clone().map(Watched::new);
    // What changed between the start and this moment is taken in at the first look.
    reread_keys(&config, &live);
    reread_rules(&config, &live);
    reread_people(&config, &live);
    reread_certificate(&config, tls.as_ref());
    let files = [&rule_file, &people_file];
    if keys.is_empty() && certificate.is_empty() && files.iter().all(|file| file.is_none()) {
        return;
    }
    loop {
        sleep(config.reload.max(Duration::from_millis(10))).await;
        if any_changed(&mut keys) {
            reread_keys(&config, &live);
        }
        if any_changed(&mut certificate) {
            reread_certificate(&config, tls.as_ref());
        }
        if rule_file.as_mut().is_some_and(Watched::has_changed) {
            reread_rules(&config, &live);
        }
        if people_file.as_mut().is_some_and(Watched::has_changed) {
            reread_people(&config, &live);
        }
    }
}

fn watched<const N: usize>(files: [&Option<PathBuf>; N]) -> Vec<Watched> {
    let files = files.into_iter().flatten();
    files.cloned().map(Watched::new).collect()
}

/// Looks at all of them, so that two that changed together are read once.
fn any_changed(files: &mut [Watched]) -> bool {
    let changed = files
        .iter_mut()
        .filter_map(|file| file.has_changed().then_some(()));
    changed.count() > 0
}

fn reread_certificate(config: &Config, tls: Option<&Tls>) {
    let (Some(tls), Some(certificate), Some(key)) = (tls, &config.tls_cert, &config.tls_key) else {
        return;
    };
    match tls.renew(certificate, key) {
        Ok(()) => log::info("reload", &"the certificate is read", &[]),
        Err(bad) => log::error("reload", &StartError::from(bad), &[]),
    }
}

fn reread_keys(config: &Config, live: &Live) {
    match Checker::load(&config.tokens) {
        Ok(Some(checker)) => {
            log::info("reload", &"the keys are read", &[]);
            live.access.replace_keys(checker);
        }
        Ok(None) => {}
        Err(bad) => log::error("reload", &StartError::from(bad), &[]),
    }
}

fn reread_rules(config: &Config, live: &Live) {
    match rules(config) {
        Ok(Some(rules)) => {
            log::info("reload", &"the rules are read", &[]);
            live.access.replace_rules(rules);
            live.recheck();
        }
        Ok(None) => {}
        Err(error) => log::error("reload", &error, &[]),
    }
}

fn reread_people(config: &Config, live: &Live) {
    let Some(file) = &config.people else {
        return;
    };
    match people(file, |text| live.access.replace_people(text)) {
        Ok(()) => {
            log::info("reload", &"the list of people is read", &[]);
            live.recheck();
        }
        Err(error) => log::error("reload", &error, &[]),
    }
}

impl From<BadCertificate> for StartError {
    fn from(bad: BadCertificate) -> Self {
        Self::Setting {
            setting: bad.setting,
            value: Some(bad.file.display().to_string()),
            why: bad.why,
        }
    }
}

impl From<BadKeys> for StartError {
    fn from(bad: BadKeys) -> Self {
        Self::Setting {
            setting: bad.setting,
            value: bad.file.map(|file| file.display().to_string()),
            why: bad.why,
        }
    }
}
