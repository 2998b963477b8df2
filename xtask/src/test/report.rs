//! The table at the end, and the verdict: what was not seen to pass has failed.

use std::time::Duration;

use super::summary::Count;
use crate::error::Error;
use crate::process::{Finished, tail, trouble};
use crate::progress::duration;

/// What became of one part of a stage.
#[derive(Debug)]
pub enum Outcome {
    /// It ran, and counted.
    Ran(Count),
    /// It could not run at all.
    NotRun,
    /// It could not run, and the user has said that this is fine.
    Excused,
}

/// One line of the table.
#[derive(Debug)]
pub struct Row {
    stage: &'static str,
    part: String,
    outcome: Outcome,
    time: Duration,
    /// Printed at once, for whoever has to mend it.
    detail: String,
}

impl Row {
    /// A runner that has ended. A runner that ended badly without a failed test has failed all the
    /// same (it did not compile, it crashed), and so has one that found nothing to run.
    pub fn ran(
        stage: &'static str,
        part: &str,
        finished: &Finished,
        count: Count,
        time: Duration,
    ) -> Self {
        let mut count = count;
        let mut detail = String::new();
        let why = if !finished.ok {
            Some(finished.ending.clone())
        } else if count.failed > 0 {
            Some("it ended well, but counted failures".to_owned())
        } else if count.passed == 0 {
            Some("it ran no test".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            count.failed = count.failed.max(1);
            detail = format!(
                "{}\n({why}; all of it: {})",
                tail(&finished.output),
                finished.log.display()
            );
            if trouble::diagnose(&finished.output, false).is_some() {
                detail.push_str(&format!("\n{}", Error::disk_full(stage)));
            }
        }
        Self {
            stage,
            part: part.to_owned(),
            outcome: Outcome::Ran(count),
            time,
            detail,
        }
    }

    /// A check that has no tests in it: it counts as one.
    pub fn checked(stage: &'static str, part: &str, finished: &Finished, time: Duration) -> Self {
        let passed = u32::from(finished.ok);
        Self::ran(
            stage,
            part,
            finished,
            Count {
                passed,
                failed: 1 - passed,
            },
            time,
        )
    }

    /// Something that could not even begin.
    pub fn broken(stage: &'static str, part: &str, error: &Error) -> Self {
        Self {
            stage,
            part: part.to_owned(),
            outcome: Outcome::NotRun,
            time: Duration::ZERO,
            detail: error.message(),
        }
    }

    /// An engine that is not here.
    pub fn not_run(stage: &'static str, part: &str, why: String, excused: bool) -> Self {
        let outcome = if excused {
            Outcome::Excused
        } else {
            Outcome::NotRun
        };
        Self {
            stage,
            part: part.to_owned(),
            outcome,
            time: Duration::ZERO,
            detail: why,
        }
    }

    /// Whether it passed, and nothing of it failed.
    pub fn is_well(&self) -> bool {
        let count = self.count();
        count.failed == 0 && count.passed > 0
    }

    fn count(&self) -> Count {
        match self.outcome {
            Outcome::Ran(count) => count,
            Outcome::NotRun => Count {
                passed: 0,
                failed: 1,
            },
            Outcome::Excused => Count::default(),
        }
    }
}

/// All rows so far.
#[derive(Debug, Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a row, and says at once how it went.
    pub fn add(&mut self, row: Row) {
        let name = [row.stage, row.part.as_str()].join(" ");
        let name = name.trim_end();
        let count = row.count();
        match row.outcome {
            Outcome::Ran(_) if count.failed == 0 => {
                println!(
                    "ok    {name}: {} passed, {}",
                    count.passed,
                    duration(row.time)
                );
            }
            Outcome::Ran(_) => {
                println!("\n---- {name} ----\n{}\n----\n", row.detail.trim_end());
                println!(
                    "FAIL  {name}: {} passed, {} failed",
                    count.passed, count.failed
                );
            }
            Outcome::NotRun => println!("FAIL  {name} did not run: {}", row.detail),
            Outcome::Excused => println!("skip  {name}: {}", row.detail),
        }
        self.rows.push(row);
    }

    /// Whether everything ran that had to, and nothing failed.
    pub fn all_well(&self) -> bool {
        let total = self.total();
        total.failed == 0 && total.passed > 0
    }

    /// Prints the table and the last line.
    pub fn print(&self) {
        print!("{}", self.table());
    }

    fn total(&self) -> Count {
        self.rows
            .iter()
            .map(Row::count)
            .fold(Count::default(), |sum, count| Count {
                passed: sum.passed + count.passed,
                failed: sum.failed + count.failed,
            })
    }

    fn table(&self) -> String {
        let parts = self.rows.iter().map(|row| row.part.chars().count());
        let width = parts.max().unwrap_or(0).max("part".len());
        let line = |stage: &str, part: &str, passed: &str, failed: &str, time: &str| {
            let line = format!("{stage:<9} {part:<width$} {passed:>7} {failed:>8}  {time}");
            format!("{}\n", line.trim_end())
        };
        let mut table = format!("\n{}", line("stage", "part", "passed", "failed", "time"));
        for row in &self.rows {
            let (passed, failed) = match row.outcome {
                Outcome::Ran(count) => (count.passed.to_string(), count.failed.to_string()),
                Outcome::NotRun => ("-".to_owned(), "not run".to_owned()),
                Outcome::Excused => ("-".to_owned(), "skipped".to_owned()),
            };
            let time = match row.outcome {
                Outcome::Ran(_) => duration(row.time),
                Outcome::NotRun | Outcome::Excused => String::new(),
            };
            table.push_str(&line(row.stage, &row.part, &passed, &failed, &time));
        }
        let total = self.total();
        table.push_str(&format!(
            "\n{} passed, {} failed\n",
            total.passed, total.failed
        ));
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Cause;

    fn finished(ok: bool) -> Finished {
        let ending = if ok {
            "exit status: 0"
        } else {
            "exit status: 1"
        };
        Finished {
            ok,
            ending: ending.to_owned(),
            output: String::new(),
            log: "x.log".into(),
        }
    }

    fn report(rows: Vec<Row>) -> Report {
        Report { rows }
    }

    fn row(ok: bool, passed: u32, failed: u32) -> Row {
        Row::ran(
            "native",
            "",
            &finished(ok),
            Count { passed, failed },
            Duration::from_secs(1),
        )
    }

    #[test]
    fn good_news_needs_a_test_that_passed() {
        assert!(report(vec![row(true, 3, 0)]).all_well());
        assert!(!report(vec![]).all_well(), "nothing ran");
        assert!(
            !report(vec![row(true, 0, 0)]).all_well(),
            "a stage without tests"
        );
        assert!(
            !report(vec![row(true, 3, 0), row(true, 0, 0)]).all_well(),
            "one of two without tests"
        );
    }

    #[test]
    fn every_way_to_fail_is_a_failure_in_the_table() {
        let error = Error::new(Cause::Failed, "no");
        let rows = [
            row(true, 3, 1),
            row(false, 3, 1),
            row(false, 3, 0),
            row(false, 0, 0),
            row(true, 0, 0),
            Row::checked("format", "", &finished(false), Duration::ZERO),
            Row::broken("browser", "webkit", &error),
            Row::not_run("browser", "webkit", "webkit is missing".to_owned(), false),
        ];
        for bad in rows {
            let shown = format!("{bad:?}");
            let report = report(vec![row(true, 5, 0), bad]);
            assert!(!report.all_well(), "{shown}");
            assert!(
                !report.table().ends_with(" 0 failed\n"),
                "{shown}: {}",
                report.table()
            );
        }
    }

    #[test]
    fn an_excused_engine_is_shown_and_does_not_fail() {
        let excused = Row::not_run("browser", "webkit", "webkit is missing".to_owned(), true);
        let report = report(vec![row(true, 5, 0), excused]);
        assert!(report.all_well());
        assert!(report.table().contains("skipped"));
    }

    #[test]
    fn the_last_line_is_plain() {
        let table = report(vec![row(true, 5, 0), row(false, 1, 2)]).table();
        assert_eq!(table.lines().last(), Some("6 passed, 2 failed"));
    }
}
