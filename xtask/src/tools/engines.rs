//! The three browser engines that everything must run in, and what drives each of them.

use std::path::PathBuf;

use super::{apt, cargo_tools};
use crate::error::{Error, Result};
use crate::process::find;
use crate::project::Project;

/// A browser engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Chromium, also the engine of Chrome and Edge.
    Chromium,
    /// Firefox.
    Firefox,
    /// WebKit, the engine of Safari; here by its GTK port.
    WebKit,
}

/// A browser that can be started and its WebDriver.
#[derive(Debug)]
pub struct Browser {
    /// Whose engine it is.
    pub engine: Engine,
    /// The program a session starts.
    pub browser: PathBuf,
    /// The program that drives it.
    pub driver: PathBuf,
}

/// An engine that is not to be had here, with what a person can do about it.
#[derive(Debug)]
pub struct Missing(pub String);

impl Engine {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 3] = [Self::Chromium, Self::Firefox, Self::WebKit];

    /// The name on the command line, in the report and in `EVERFRESH_ENGINE`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
            Self::WebKit => "webkit",
        }
    }

    /// The engine of that name.
    pub fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|engine| engine.name() == name)
            .ok_or_else(|| {
                Error::usage(format!(
                    "`{name}` is no engine: chromium, firefox or webkit"
                ))
            })
    }

    /// Finds the browser and its driver; installs them where we may.
    pub fn ensure(self, project: &Project) -> Result<std::result::Result<Browser, Missing>> {
        if self.browser().is_none() || self.debian_driver_missing() {
            if !apt::usable() {
                return Ok(Err(Missing(self.remedy())));
            }
            apt::update(project)?;
            let packages: Vec<String> = self
                .packages()
                .iter()
                .map(|name| (*name).to_owned())
                .collect();
            apt::install(
                project,
                &format!("install {}", self.packages().join(", ")),
                &packages,
            )?;
        }
        let driver = match self {
            Self::Firefox => Some(cargo_tools::geckodriver().program(project)?),
            Self::Chromium | Self::WebKit => self.packaged_driver(),
        };
        Ok(match (self.browser(), driver) {
            (Some(browser), Some(driver)) => Ok(Browser {
                engine: self,
                browser,
                driver,
            }),
            _ => Err(Missing(self.remedy())),
        })
    }

    fn browser(self) -> Option<PathBuf> {
        match self {
            Self::Chromium => [
                "chromium",
                "chromium-browser",
                "google-chrome",
                "google-chrome-stable",
            ]
            .into_iter()
            .find_map(find),
            Self::Firefox => ["firefox-esr", "firefox"].into_iter().find_map(find),
            Self::WebKit => mini_browser(),
        }
    }

    fn packaged_driver(self) -> Option<PathBuf> {
        match self {
            Self::Chromium => find("chromedriver"),
            Self::Firefox => None,
            Self::WebKit => find("WebKitWebDriver"),
        }
    }

    fn debian_driver_missing(self) -> bool {
        match self {
            Self::Chromium => self.packaged_driver().is_none(),
            Self::Firefox => false,
            Self::WebKit => self.packaged_driver().is_none() || find("Xvfb").is_none(),
        }
    }

    fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Chromium => &["chromium", "chromium-driver"],
            Self::Firefox => &["firefox-esr"],
            Self::WebKit => &["webkit2gtk-driver", "xvfb"],
        }
    }

    /// What to type to have this engine.
    fn remedy(self) -> String {
        let name = self.name();
        if apt::is_debian() {
            return format!(
                "{name} is missing: `{}`",
                apt::install_command(self.packages())
            );
        }
        let how = if cfg!(target_os = "macos") {
            match self {
                Self::Chromium => "`brew install --cask chromium chromedriver`",
                Self::Firefox => "`brew install --cask firefox`",
                Self::WebKit => "WebKitGTK and its driver exist for Linux only",
            }
        } else if find("dnf").is_some() {
            match self {
                Self::Chromium => "`sudo dnf install chromium chromedriver`",
                Self::Firefox => "`sudo dnf install firefox`",
                Self::WebKit => "`sudo dnf install webkit2gtk-driver xorg-x11-server-Xvfb`",
            }
        } else if find("pacman").is_some() {
            match self {
                Self::Chromium => "`sudo pacman -S chromium`",
                Self::Firefox => "`sudo pacman -S firefox`",
                Self::WebKit => "`sudo pacman -S webkit2gtk-4.1 xorg-server-xvfb`",
            }
        } else {
            match self {
                Self::Chromium => {
                    "install `chromium` (or Chrome) and `chromedriver` of the same version"
                }
                Self::Firefox => "install `firefox`; its driver is compiled here",
                Self::WebKit => {
                    "install WebKitGTK's `WebKitWebDriver`, its `MiniBrowser`, and `Xvfb`"
                }
            }
        };
        format!("{name} is missing: {how}")
    }
}

/// WebKitGTK's own small browser. It is not on `PATH`, and Debian has the machine's architecture in
/// its place.
fn mini_browser() -> Option<PathBuf> {
    let architecture = std::env::consts::ARCH;
    let homes = [
        format!("/usr/lib/{architecture}-linux-gnu"),
        "/usr/libexec".to_owned(),
        "/usr/lib".to_owned(),
        "/usr/lib64".to_owned(),
    ];
    let versions = ["webkit2gtk-4.1", "webkitgtk-6.0", "webkit2gtk-4.0"];
    homes
        .iter()
        .flat_map(|home| {
            versions.map(|version| PathBuf::from(home).join(version).join("MiniBrowser"))
        })
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_by_name() {
        for engine in Engine::ALL {
            assert_eq!(Engine::parse(engine.name()).ok(), Some(engine));
        }
        assert!(Engine::parse("safari").is_err());
    }

    #[test]
    fn a_missing_engine_is_named_with_a_command() {
        for engine in Engine::ALL {
            assert!(engine.remedy().starts_with(engine.name()));
        }
    }
}
