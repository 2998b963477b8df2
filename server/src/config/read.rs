//! From flags, variables and a file to a configuration: a flag counts more than its variable, a variable more
//! than the file.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use lexopt::Arg;

use super::settings::{SETTINGS, Setting, Wanted};
use super::{Command, Config};

/// Longest file of settings that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the file's tables of rules are called.
const RULES: &str = "channel";

/// A command line, a variable or a file that makes no sense.
#[derive(Debug)]
pub struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; see --help", self.0)
    }
}

impl std::error::Error for UsageError {}

impl From<lexopt::Error> for UsageError {
    fn from(error: lexopt::Error) -> Self {
        Self(error.to_string())
    }
}

/// Where a value was said.
enum Source<'a> {
    Flag,
    Variable,
    File(&'a str),
}

/// Values as they were said, by the place of their setting in the list.
type Said = Vec<Option<Vec<String>>>;

/// Shown by `--help`.
#[must_use]
pub fn help() -> String {
    let mut help = String::from(
        "everfresh-server: records, events and the demo in one process\n\n  \
         --config FILE                read settings from this TOML file [none]\n",
    );
    help.extend(SETTINGS.iter().map(Setting::help));
    help.push_str(
        "  --help, --version\n\n\
         Each flag is also an environment variable (--ping-ms is EVERFRESH_PING_MS; a list is separated by commas)\n\
         and a key of the file (ping-ms = 25000). A flag counts more than its variable, a variable more than the\n\
         file. docs/server/configuration.md says why each default is what it is.\n",
    );
    help
}

impl Command {
    /// Reads the file that is named by `--config` or `EVERFRESH_CONFIG`, then the environment through `variable`
    /// over it, then the arguments (without the program's name) over both.
    ///
    /// # Errors
    /// When a setting is unknown or a value makes no sense.
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, UsageError> {
        let mut file = variable("EVERFRESH_CONFIG").map(PathBuf::from);
        let mut flags: Said = SETTINGS.iter().map(|_| None).collect();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            let name = match argument {
                Arg::Short('h') | Arg::Long("help") => return Ok(Self::Help),
                Arg::Short('V') | Arg::Long("version") => return Ok(Self::Version),
                Arg::Long("config") => {
                    file = Some(parser.value()?.into());
                    continue;
                }
                Arg::Long(name) => name.to_owned(),
                other => return Err(other.unexpected().into()),
            };
            let known = SETTINGS.iter().zip(&mut flags);
            let Some((setting, said)) = known.into_iter().find(|(setting, _)| setting.name == name)
            else {
                return Err(Arg::Long(&name).unexpected().into());
            };
            let value = flag_value(setting, &mut parser)?;
            said.get_or_insert_with(Vec::new).push(value);
        }
        let mut config = Config::default();
        if let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) {
            config.read_file(file)?;
        }
        config.read_environment(variable)?;
        for (setting, said) in SETTINGS.iter().zip(flags) {
            if let Some(values) = said {
                config.put(setting, &values, &Source::Flag)?;
            }
        }
        Ok(Self::Serve(Box::new(config)))
    }
}

fn flag_value(setting: &Setting, parser: &mut lexopt::Parser) -> Result<String, UsageError> {
    let mut config = Config::default();
    let slot = setting.slot(&mut config);
    if !slot.is_for_flags() {
        return Err(UsageError(format!(
            "--{} would show the secret to everybody on this machine: say it by {} or in a file",
            setting.name,
            setting.variable()
        )));
    }
    if slot.is_switch() {
        // `--demo` alone, or `--demo=0` against a file that says otherwise.
        let value = parser.optional_value();
        return value.map_or_else(
            || Ok("1".to_owned()),
            |value| text(value, &format!("--{}", setting.name)),
        );
    }
    text(parser.value()?, &format!("--{}", setting.name))
}

fn text(value: OsString, place: &str) -> Result<String, UsageError> {
    value
        .into_string()
        .map_err(|_bad| UsageError(format!("the value of {place} is not UTF-8")))
}

impl Config {
    fn put(
        &mut self,
        setting: &Setting,
        values: &[String],
        source: &Source<'_>,
    ) -> Result<(), UsageError> {
        let slot = setting.slot(self);
        let hidden = slot.is_secret();
        slot.put(values).map_err(|Wanted(wanted)| {
            let place = match source {
                Source::Flag => format!("--{}", setting.name),
                Source::Variable => setting.variable(),
                Source::File(file) => format!("{} in {file}", setting.name),
            };
            let value = match values.last() {
                Some(value) if !hidden => format!("{:?}", clipped(value)),
                _ => "what was given".to_owned(),
            };
            UsageError(format!("{place} is {wanted}, not {value}"))
        })
    }

    fn read_environment(
        &mut self,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), UsageError> {
        for setting in SETTINGS {
            let name = setting.variable();
            let Some(value) = variable(&name) else {
                continue;
            };
            let value = text(value, &name)?;
            let values = if setting.slot(self).is_list() {
                let parts = value.split(',').map(str::trim);
                parts
                    .filter(|part| !part.is_empty())
                    .map(str::to_owned)
                    .collect()
            } else {
                vec![value]
            };
            self.put(setting, &values, &Source::Variable)?;
        }
        Ok(())
    }

    fn read_file(&mut self, path: PathBuf) -> Result<(), UsageError> {
        let file = path.display().to_string();
        let table = read_toml(&path).map_err(|why| UsageError(format!("{file}: {why}")))?;
        for (key, value) in &table {
            if key == RULES {
                // The rules are read where other files of rules are, and again when the file changes.
                self.rules = Some(path.clone());
                continue;
            }
            let Some(setting) = SETTINGS.iter().find(|setting| setting.name == key) else {
                let key = clipped(key);
                return Err(UsageError(format!("{file}: there is no setting {key:?}")));
            };
            let Some(values) = texts(value) else {
                return Err(UsageError(format!(
                    "{key} in {file} is a text, a number, true or false, or a list of texts"
                )));
            };
            self.put(setting, &values, &Source::File(&file))?;
        }
        self.file = Some(path);
        Ok(())
    }
}

/// Reads a TOML file.
///
/// # Errors
/// What is wrong with it. Never its text: it may hold secrets.
pub(crate) fn read_toml(path: &PathBuf) -> Result<toml::Table, String> {
    let text = read_text(path, FILE_BYTES_MAX)?;
    text.parse::<toml::Table>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.as_bytes().get(..at).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line} is not TOML")
    })
}

/// Reads a file that is not endless.
///
/// # Errors
/// What the system said, or that it is too long.
pub(crate) fn read_text(path: &PathBuf, bytes_max: u64) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if size.len() > bytes_max {
        return Err(format!("it has more than {bytes_max} bytes"));
    }
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

fn texts(value: &toml::Value) -> Option<Vec<String>> {
    use toml::Value::{Array, Boolean, Integer, String};
    Some(match value {
        String(text) => vec![text.clone()],
        Integer(number) => vec![number.to_string()],
        Boolean(on) => vec![on.to_string()],
        Array(values) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect::<Option<_>>()?,
        _ => return None,
    })
}

/// As much of a value as an error shows.
fn clipped(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
