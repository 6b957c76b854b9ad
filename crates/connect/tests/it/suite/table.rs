//! What came of each step, at each place of a server, as a table for people.
//! Decides nothing: whether a deviation was to be expected is for whoever reads it.

use std::fmt;

/// How many characters of a reason are shown.
const SHOWN: usize = 160;

/// What came of a step at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As every server has to; with what must be the same the next time.
    Met(String),
    /// The server does not have it, and does not announce it; in these words.
    NotOffered(String),
    /// There is nothing at this moment with which it could be tried.
    Nothing,
    /// What no server may do, in words.
    Deviates(String),
}

/// The verdicts on a server.
#[derive(Debug, Default)]
pub(super) struct Table(Vec<Row>);

#[derive(Debug)]
struct Row {
    step: &'static str,
    place: String,
    verdict: Verdict,
}

impl Verdict {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Met(_) => "ok",
            Self::NotOffered(_) | Self::Nothing => "not offered",
            Self::Deviates(_) => "deviates",
        }
    }

    fn why(&self) -> String {
        let words = match self {
            Self::Met(words) | Self::NotOffered(words) | Self::Deviates(words) => words.as_str(),
            Self::Nothing => "there is none",
        };
        words.chars().take(SHOWN).map(|it| if it == '|' { '/' } else { it }).collect()
    }
}

impl Table {
    /// All of another table after this one.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn note(&mut self, step: &'static str, place: &str, verdict: Verdict) {
        self.0.push(Row { step, place: place.to_owned(), verdict });
    }

    /// The steps of this word, in their order.
    pub(super) fn steps_that_are(&self, word: &str) -> Vec<&'static str> {
        self.steps().into_iter().filter(|step| self.word(step) == word).collect()
    }

    /// Notes at which places it was not as in another run of the same steps.
    pub(super) fn compare(&mut self, again: &Self) {
        let differs = |(first, second): (&Row, &Row)| {
            let is_same = match (&first.verdict, &second.verdict) {
                (Verdict::Met(before), Verdict::Met(after)) => before == after,
                // What there is may come and go.
                (Verdict::Nothing, other) | (other, Verdict::Nothing) => other.word() != "deviates",
                (before, after) => before.word() == after.word(),
            };
            let tell = |row: &Row| format!("{} {}", row.verdict.word(), row.verdict.why());
            let words = || format!("{}: {}, then {}", first.step, tell(first), tell(second));
            (!is_same).then(|| (first.place.clone(), words()))
        };
        let mut differences: Vec<_> = self.0.iter().zip(&again.0).filter_map(differs).collect();
        let names = |table: &Self| -> Vec<String> {
            table.0.iter().map(|row| format!("{} {}", row.step, row.place)).collect()
        };
        if names(self) != names(again) {
            differences.push(("vehicle".to_owned(), "other steps were possible".to_owned()));
        }
        if differences.is_empty() {
            self.note("a second run", "vehicle", Verdict::Met(String::new()));
        }
        for (place, words) in differences {
            self.note("a second run", &place, Verdict::Deviates(words));
        }
    }

    fn steps(&self) -> Vec<&'static str> {
        let mut steps = Vec::new();
        for row in &self.0 {
            if !steps.contains(&row.step) {
                steps.push(row.step);
            }
        }
        steps
    }

    fn of<'a>(&'a self, step: &'a str, word: &'a str) -> impl Iterator<Item = &'a Row> {
        self.0.iter().filter(move |row| row.step == step && row.verdict.word() == word)
    }

    fn word(&self, step: &str) -> &'static str {
        let worst_first = ["deviates", "ok"];
        let found = worst_first.into_iter().find(|word| self.of(step, word).next().is_some());
        found.unwrap_or("not offered")
    }

    /// Where, and for what reason.
    fn remarks(&self, step: &str) -> String {
        let met = self.of(step, "ok").count();
        let lacking: Vec<_> = self.of(step, "not offered").collect();
        let mut remarks: Vec<String> = self
            .of(step, "deviates")
            .map(|row| format!("{}: {}", row.place, row.verdict.why()))
            .collect();
        if met > 0 {
            remarks.push(format!("ok at {met}"));
        }
        if let Some(first) = lacking.first() {
            let reason = format!("{}: {}", first.place, first.verdict.why());
            remarks.push(format!("not offered by {} ({reason})", lacking.len()));
        }
        remarks.join("; ")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "| step | verdict | where, and why |\n|---|---|---|")?;
        for step in self.steps() {
            writeln!(formatter, "| {step} | {} | {} |", self.word(step), self.remarks(step))?;
        }
        Ok(())
    }
}
