//! Standard output and standard error: data to the one, all else to the other, colour only where a
//! person reads it on a terminal and did not set `NO_COLOR`.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use super::exit::Failure;

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint {
    on: bool,
}

// === impl Paint ===

impl Paint {
    /// No colours.
    pub(super) fn none() -> Self {
        Self { on: false }
    }

    /// For what goes to standard output.
    pub(super) fn stdout() -> Self {
        Self { on: io::stdout().is_terminal() && wanted() }
    }

    /// For what goes to standard error.
    pub(super) fn stderr() -> Self {
        Self { on: io::stderr().is_terminal() && wanted() }
    }

    /// Whether there are colours at all.
    pub(super) fn is_on(self) -> bool {
        self.on
    }

    pub(super) fn bold(self, text: &str) -> Cow<'_, str> {
        self.styled("1", text)
    }

    pub(super) fn faint(self, text: &str) -> Cow<'_, str> {
        self.styled("2", text)
    }

    pub(super) fn good(self, text: &str) -> Cow<'_, str> {
        self.styled("1;32", text)
    }

    pub(super) fn bad(self, text: &str) -> Cow<'_, str> {
        self.styled("1;31", text)
    }

    pub(super) fn doubtful(self, text: &str) -> Cow<'_, str> {
        self.styled("1;33", text)
    }

    /// Problems rendered as text, with their first words in colour.
    pub(super) fn problems(self, text: &str) -> Cow<'_, str> {
        if !self.on {
            return Cow::Borrowed(text);
        }
        let lines = text.split('\n').map(|line| self.problem_line(line));
        Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
    }

    fn problem_line(self, line: &str) -> String {
        if let Some((gutter, marks)) = line.split_once(" | ")
            && gutter.trim().is_empty()
            && marks.trim_start().starts_with('^')
        {
            return format!("{gutter} | {}", self.bad(marks));
        }
        let Some((word, rest)) = line.split_once(':') else { return line.to_owned() };
        let word = match word.split('[').next() {
            Some("error") => self.bad(word),
            Some("warning") => self.doubtful(word),
            Some("hint") => self.good(word),
            Some("note") => self.bold(word),
            _ => return line.to_owned(),
        };
        format!("{word}:{rest}")
    }

    fn styled<'a>(self, style: &str, text: &'a str) -> Cow<'a, str> {
        if self.on { format!("\x1b[{style}m{text}\x1b[0m").into() } else { text.into() }
    }
}

/// Writes data to standard output. A reader that has gone away has read enough: that is no error.
pub(super) fn data(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::error(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes a line for people to standard error. Where even that fails there is nobody to tell.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The text with control characters other than line ends spelt out: names and messages quote
/// inputs, which must not steer the terminal of whoever reads them.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        // Beside the control characters proper: marks that reverse the direction of a line.
        let reverses = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if reverses || c.is_control() && c != '\n' && c != '\t' {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether the person wants colours: <https://no-color.org>, and a terminal that knows them.
#[expect(
    clippy::disallowed_methods,
    reason = "these describe the terminal, for every program alike, and are no settings of ours"
)]
fn wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelt_out() {
        assert_eq!(visible("a\u{1b}[2Jb\tc\nd\u{202e}"), "a\\u{1b}[2Jb\tc\nd\\u{202e}");
    }

    #[test]
    fn without_colour_problems_are_left_alone() {
        let text = "error[x]: y\nhint: z";
        assert_eq!(Paint { on: false }.problems(text), text);
        assert!(Paint { on: true }.problems(text).contains("\x1b[1;31merror[x]\x1b[0m: y"));
    }
}
