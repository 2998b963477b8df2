//! Reads how many tests passed and failed from what each runner printed.

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Passed.
    pub passed: u32,
    /// Failed, timed out, crashed or never came to an end.
    pub failed: u32,
}

/// `cargo nextest run`: `Summary [ 0.1s] 12 tests run: 10 passed (1 slow), 1 failed, 1 timed out, 3 skipped`.
pub fn nextest(output: &str) -> Count {
    let Some(summary) = output
        .lines()
        .map(str::trim_start)
        .rfind(|line| line.starts_with("Summary [") && line.contains(" run: "))
        .and_then(|line| line.split_once(" run: "))
        .map(|(_, counts)| counts)
    else {
        return Count::default();
    };
    // The remarks in brackets (`4 passed (1 slow, 1 leaky)`) speak of tests already counted.
    let mut outside = true;
    let counts: String = summary
        .chars()
        .filter(|c| {
            let shown = outside && *c != '(';
            outside = (outside || *c == ')') && *c != '(';
            shown
        })
        .collect();
    let mut count = Count::default();
    for part in counts.split(',') {
        let mut words = part.split_whitespace();
        let Some(Ok(number)) = words.next().map(str::parse::<u32>) else {
            continue;
        };
        match words.next() {
            Some("passed") => count.passed += number,
            Some("skipped") => {}
            // failed, timed out, exec failed, and whatever nextest may think of next
            _ => count.failed += number,
        }
    }
    count
}

/// `cargo test`, doc tests and wasm-bindgen-test: one `test result:` line for each test program.
pub fn libtest(output: &str) -> Count {
    let mut count = Count::default();
    for line in output.lines() {
        let Some((_, results)) = line.split_once("test result: ") else {
            continue;
        };
        for part in results.split(['.', ';']) {
            let mut words = part.split_whitespace();
            let Some(Ok(number)) = words.next().map(str::parse::<u32>) else {
                continue;
            };
            match words.next() {
                Some("passed") => count.passed += number,
                Some("failed") => count.failed += number,
                _ => {}
            }
        }
    }
    count
}

/// `node --test`: `ℹ pass 5` of the spec reporter, `# pass 5` of TAP. One summary a run.
pub fn node(output: &str) -> Count {
    let number = |name: &str| {
        output
            .lines()
            .rev()
            .filter_map(|line| line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# ")))
            .find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(' ')?
                    .trim()
                    .parse::<u32>()
                    .ok()
            })
            .unwrap_or(0)
    };
    Count {
        passed: number("pass"),
        failed: number("fail") + number("cancelled"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(passed: u32, failed: u32) -> Count {
        Count { passed, failed }
    }

    #[test]
    fn nextest_summaries() {
        let cases = [
            (
                "     Summary [   0.012s] 12 tests run: 12 passed, 0 skipped",
                count(12, 0),
            ),
            (
                "     Summary [   1.0s] 3 tests run: 1 passed, 2 failed, 4 skipped",
                count(1, 2),
            ),
            (
                "     Summary [   1.0s] 1 test run: 0 passed, 1 timed out, 0 skipped",
                count(0, 1),
            ),
            (
                "     Summary [   1.0s] 5/9 tests run: 4 passed (1 slow, 1 leaky), 1 exec failed, 0 skipped",
                count(4, 1),
            ),
            ("error: could not compile `everfresh`", count(0, 0)),
        ];
        for (output, expected) in cases {
            assert_eq!(nextest(output), expected, "{output}");
        }
    }

    #[test]
    fn libtest_summaries_add_up() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
                      test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(libtest(output), count(5, 1));
        assert_eq!(
            libtest("running 0 tests\n\ntest result: ok. 0 passed; 0 failed; 0 ignored;"),
            count(0, 0)
        );
    }

    #[test]
    fn node_summaries() {
        let spec = "✔ a (1ms)\nℹ tests 4\nℹ suites 0\nℹ pass 2\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\nℹ todo 0\n";
        assert_eq!(node(spec), count(2, 2));
        assert_eq!(
            node("# tests 2\n# pass 2\n# fail 0\n# cancelled 0\n"),
            count(2, 0)
        );
        assert_eq!(
            node("# pass 7 things printed by a test\n# pass 1\n# fail 0\n"),
            count(1, 0)
        );
        assert_eq!(node("Error: Cannot find module"), count(0, 0));
    }
}
