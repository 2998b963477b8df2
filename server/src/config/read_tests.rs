#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::time::Duration;

use super::*;

/// A file of a test's own, removed at its end.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("everfresh-settings-{name}-{}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    fn flag(&self) -> String {
        format!("--config={}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ignored = std::fs::remove_file(&self.0);
    }
}

fn parse(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Config, UsageError> {
    let variable = |name: &str| {
        variables
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| OsString::from(value))
    };
    match Command::parse(arguments.iter().map(OsString::from), variable)? {
        Command::Serve(config) => Ok(*config),
        other => panic!("{other:?}"),
    }
}

fn refusal(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    parse(arguments, variables).unwrap_err().to_string()
}

#[test]
fn a_flag_counts_more_than_its_variable_and_a_variable_more_than_the_file() {
    let file = File::new(
        "order",
        "listen = \"f:1\"\nping-ms = 70\ndemo = true\nallow-origin = [\"https://f\", \"https://g\"]\nsubs-max = 7\n",
    );
    let variables = [
        ("EVERFRESH_LISTEN", "v:1"),
        ("EVERFRESH_PING_MS", "60"),
        ("EVERFRESH_DATA", "d"),
        ("EVERFRESH_DEMO", "0"),
    ];
    let config = parse(&[&file.flag(), "--listen", "b:2"], &variables).unwrap();
    assert_eq!((config.listen.as_str(), config.demo), ("b:2", false));
    assert_eq!(config.limits.ping_interval, Duration::from_millis(60));
    assert_eq!(config.allow_origins, ["https://f", "https://g"]);
    assert_eq!(config.limits.subs_max, 7);
    assert_eq!(config.data, Some(PathBuf::from("d")));
    let flags = ["--allow-origin=https://x", "--allow-origin", "https://y"];
    let config = parse(&flags, &[("EVERFRESH_ALLOW_ORIGIN", "https://v")]).unwrap();
    assert_eq!(config.allow_origins, ["https://x", "https://y"]);
    let config = parse(&[], &[("EVERFRESH_ALLOW_ORIGIN", "https://v, ,https://w")]).unwrap();
    assert_eq!(config.allow_origins, ["https://v", "https://w"]);
    assert!(parse(&["--demo"], &[]).unwrap().demo);
    assert!(!parse(&[&file.flag(), "--demo=0"], &[]).unwrap().demo);
    let named = file.0.display().to_string();
    assert!(parse(&[], &[("EVERFRESH_CONFIG", &named)]).unwrap().demo);
}

#[test]
fn nonsense_is_refused_with_its_place_its_value_and_what_was_wanted() {
    assert_eq!(
        refusal(&["--ping-ms", "soon"], &[]),
        r#"--ping-ms is 10 to 3600000 milliseconds, not "soon"; see --help"#
    );
    assert_eq!(
        refusal(&[], &[("EVERFRESH_DEMO", "yes")]),
        r#"EVERFRESH_DEMO is 1 or 0, not "yes"; see --help"#
    );
    let file = File::new("nonsense", "subs-max = 0\n");
    let told = refusal(&[&file.flag()], &[]);
    assert!(told.starts_with("subs-max in "), "{told}");
    assert!(
        told.ends_with(r#" is 1 to 10000, not "0"; see --help"#),
        "{told}"
    );
    for arguments in [["--lisen", "x"], ["--ping-ms", "0"], ["--listen", ""]] {
        assert!(parse(&arguments, &[]).is_err(), "{arguments:?}");
    }
    for text in [
        "lisen = \"x\"",
        "listen = 1.5",
        "ping-ms = [1]",
        "listen = {}",
    ] {
        let file = File::new("wrong", text);
        assert!(parse(&[&file.flag()], &[]).is_err(), "{text}");
    }
    assert!(refusal(&["--config", "/no/such/file"], &[]).contains("/no/such/file"));
}

#[test]
fn rules_may_stand_in_the_file_of_settings() {
    let rules = "[[channel]]\nname = \"a\"\nroles = [\"*\"]\nmay = [\"lock\"]\n";
    let file = File::new("rules", &format!("subs-max = 7\n{rules}"));
    let config = parse(&[&file.flag()], &[]).unwrap();
    assert_eq!(
        (&config.rules, config.limits.subs_max),
        (&Some(file.0.clone()), 7)
    );
    // Another file that is named counts more.
    let config = parse(&[&file.flag(), "--rules=other"], &[]).unwrap();
    assert_eq!(config.rules, Some(PathBuf::from("other")));
}

#[test]
fn a_secret_is_neither_a_flag_nor_shown() {
    let told = refusal(&["--jwt-secret=hush-hush"], &[]);
    assert!(
        told.contains("EVERFRESH_JWT_SECRET") && !told.contains("hush"),
        "{told}"
    );
    let config = parse(&[], &[("EVERFRESH_JWT_SECRET", "hush-hush")]).unwrap();
    assert!(!format!("{config:?}").contains("hush"));
    let told = refusal(&[], &[("EVERFRESH_PUBLISH_KEY", "hush-hush")]);
    assert!(
        told.contains("EVERFRESH_PUBLISH_KEY") && !told.contains("hush"),
        "{told}"
    );
    // What the reader of TOML says would quote the line.
    let file = File::new("secret", "listen = \"a\"\njwt-secret = \"hush-hush\n");
    let told = refusal(&[&file.flag()], &[]);
    assert!(told.contains("line 2") && !told.contains("hush"), "{told}");
}

#[test]
fn names_are_said_once_and_the_help_has_them_all() {
    let help = help();
    for (index, setting) in SETTINGS.iter().enumerate() {
        let name = setting.name;
        assert!(
            SETTINGS[..index].iter().all(|other| other.name != name),
            "{name}"
        );
        assert!(help.contains(&format!("  --{name} ")), "{name}");
    }
}

#[test]
fn the_documents_have_every_setting_with_its_default() {
    const DOCUMENT: &str = include_str!("../../../docs/server/configuration.md");
    let rows = DOCUMENT.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?;
        let (default, reason) = (cells.next()?, cells.next()?);
        assert!(!reason.is_empty(), "{name} needs a reason");
        Some((name.to_owned(), default.to_owned()))
    });
    let mut documented: Vec<_> = rows.collect();
    let settings = SETTINGS.iter();
    let mut known: Vec<_> = settings
        .map(|setting| (setting.name.to_owned(), setting.default()))
        .collect();
    documented.sort();
    known.sort();
    assert_eq!(documented, known);
}
