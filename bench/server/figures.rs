//! What was measured: all rounds of all figures, how they are shown, and what was promised of them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::sides::Side;

/// All rounds of all figures.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<String, BTreeMap<Side, Vec<f64>>>);

/// What a figure of ours is to be.
pub struct Promise {
    figure: &'static str,
    bound: Bound,
}

enum Bound {
    Below(f64),
    NoMoreThanTheirs,
    NoLessThanTheirs,
}

impl Promise {
    pub const fn below(figure: &'static str, most: f64) -> Self {
        let bound = Bound::Below(most);
        Self { figure, bound }
    }

    pub const fn no_more_than_theirs(figure: &'static str) -> Self {
        let bound = Bound::NoMoreThanTheirs;
        Self { figure, bound }
    }

    pub const fn no_less_than_theirs(figure: &'static str) -> Self {
        let bound = Bound::NoLessThanTheirs;
        Self { figure, bound }
    }
}

impl Figures {
    /// One round of one figure.
    pub fn note(&mut self, side: Side, figure: &str, value: f64) {
        let sides = self.0.entry(figure.to_owned()).or_default();
        sides.entry(side).or_default().push(value);
    }

    fn median(&self, side: Side, figure: &str) -> f64 {
        let rounds = self.0.get(figure).and_then(|sides| sides.get(&side));
        rounds.map_or(f64::NAN, |rounds| quantile(&sorted(rounds), 0.5))
    }

    /// A table: the median of each, its spread, and how ours is to theirs.
    pub fn print(&self) {
        println!(
            "{:<28} | {:>28} | {:>28} | {:>28} | ours/theirs",
            "figure",
            Side::Everfresh.name(),
            Side::SocketIo.name(),
            Side::File.name(),
        );
        for (figure, sides) in &self.0 {
            let cell = |side| {
                let rounds = sides.get(&side).map(|rounds| sorted(rounds));
                rounds.map_or_else(String::new, |rounds| {
                    let (least, most) = (quantile(&rounds, 0.0), quantile(&rounds, 1.0));
                    let median = quantile(&rounds, 0.5);
                    format!("{} [{}..{}]", short(median), short(least), short(most))
                })
            };
            println!(
                "{figure:<28} | {:>28} | {:>28} | {:>28} | {:.2}",
                cell(Side::Everfresh),
                cell(Side::SocketIo),
                cell(Side::File),
                self.ratio(figure),
            );
        }
    }

    fn ratio(&self, figure: &str) -> f64 {
        self.median(Side::Everfresh, figure) / self.median(Side::SocketIo, figure)
    }

    /// What is not as promised, in words.
    pub fn broken(&self, promises: &[Promise]) -> Vec<String> {
        let mut broken = Vec::new();
        for Promise { figure, bound } in promises {
            let ours = self.median(Side::Everfresh, figure);
            let theirs = self.median(Side::SocketIo, figure);
            let (kept, wanted) = match bound {
                Bound::Below(most) => (ours < *most, format!("below {most}")),
                Bound::NoMoreThanTheirs => (ours <= theirs, format!("at most {}", short(theirs))),
                Bound::NoLessThanTheirs => (ours >= theirs, format!("at least {}", short(theirs))),
            };
            if !kept {
                broken.push(format!("{figure} is {}, not {wanted}", short(ours)));
            }
        }
        broken
    }

    /// Writes all rounds, and what they were measured with.
    pub fn write(&self, file: &Path, about: Value) {
        let mut figures = Map::new();
        for (figure, sides) in &self.0 {
            let mut of = Map::new();
            for (side, rounds) in sides {
                let rounds: Vec<f64> = rounds.iter().copied().map(rounded).collect();
                let median = rounded(quantile(&sorted(&rounds), 0.5));
                let shown = json!({ "median": median, "rounds": rounds });
                of.insert(side.name().to_owned(), shown);
            }
            of.insert("ours/theirs".to_owned(), rounded(self.ratio(figure)).into());
            figures.insert(figure.clone(), of.into());
        }
        let whole = json!({ "about": about, "figures": figures });
        let text = serde_json::to_string_pretty(&whole).unwrap();
        std::fs::write(file, text + "\n").unwrap();
    }
}

/// Of sorted values: what such a part of them is not above.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * part).ceil() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// As many digits as mean something.
fn rounded(value: f64) -> f64 {
    let digits = if value.abs() < 10.0 { 1000.0 } else { 10.0 };
    (value * digits).round() / digits
}

fn short(value: f64) -> String {
    match value {
        value if value.abs() >= 1000.0 => format!("{value:.0}"),
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => format!("{value:.2}"),
    }
}
