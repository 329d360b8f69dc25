//! A change of a text as a unified difference: one hunk, since a mutant changes one place.

use std::fmt::Write as _;

/// Lines around the change that are shown.
const AROUND: usize = 2;

/// The difference between two versions of a text that differ in one place.
pub(super) fn unified(name: &str, old: &str, new: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let rest = old.len().min(new.len()) - same;
    let ends = old.iter().rev().zip(new.iter().rev());
    let same_end = ends.take(rest).take_while(|(old, new)| old == new).count();
    let first = same.saturating_sub(AROUND);
    let last = |lines: &[&str]| (lines.len() - same_end + AROUND).min(lines.len());
    let mut text = format!("--- {name}\n+++ {name}\n");
    let _ = writeln!(
        text,
        "@@ -{},{} +{},{} @@",
        first + 1,
        last(&old) - first,
        first + 1,
        last(&new) - first
    );
    let mut put = |sign: char, lines: &[&str], from: usize, to: usize| {
        for line in lines.get(from..to).unwrap_or_default() {
            let _ = writeln!(text, "{}", format!("{sign}{line}").trim_end());
        }
    };
    put(' ', &old, first, same);
    put('-', &old, same, old.len() - same_end);
    put('+', &new, same, new.len() - same_end);
    put(' ', &old, old.len() - same_end, last(&old));
    text
}
