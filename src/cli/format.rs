//! `doorward format`: brings `.cedar` files into one form, and never changes what they mean.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cedar_policy::PolicySet;
use cedar_policy_formatter::{Config as FormatterConfig, policies_str_to_pretty};
use clap::{ArgMatches, Args};
use serde_json::Value;

use super::check::no_policies;
use super::exit::{ExitCode, Failure, reason};
use super::flags::{ConfigFileArgs, sourced_paths};
use super::terminal::{self, Paint, visible};
use crate::config::{Origin, Overrides};
use crate::engine::gate::{self, Limits};
use crate::engine::{Place, Problem, Problems, Text, policies};

/// The width of a line, and of an indent.
const LINE_CHARS: usize = 80;
const INDENT_CHARS: isize = 2;
/// The deepest directory below one that is given.
const DIRECTORY_DEPTH_MAX: usize = 16;

/// Format .cedar files in place
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, 5 a file would change (with --check), 1 a file cannot \
                        be read or parsed, 2 usage."
)]
pub(super) struct FormatArgs {
    /// Files, and directories whose .cedar files are formatted [default: the policies that are
    /// configured, or ./policies]
    #[arg(value_name = "PATH", env = "DOORWARD_POLICIES", hide_env_values = true)]
    policies: Vec<PathBuf>,

    /// Change nothing; list the files that would change
    #[arg(long)]
    check: bool,

    #[command(flatten)]
    config: ConfigFileArgs,
}

/// A file whose form differs from the one it should have.
struct Unformatted {
    path: PathBuf,
    formatted: String,
}

/// Formats, or lists what would change. One bad file leaves every file as it was.
pub(super) fn run(args: &FormatArgs, given: &ArgMatches) -> Result<ExitCode, Failure> {
    let policies = sourced_paths(given, "policies", &args.policies);
    let config = args.config.load(Overrides { policies, ..Overrides::default() })?;
    if config.policies.value.is_empty() {
        return Err(no_policies());
    }
    let limits = config.limits.gate_limits();
    let mut problems = Problems::default();
    let mut files = Vec::new();
    for path in &config.policies.value {
        match list(path, DIRECTORY_DEPTH_MAX) {
            Ok(found) => files.extend(found),
            Err(error) => problems.push(unreadable(path, &error)),
        }
    }
    // Policies may be configured file by file, and the schema be among them: it has a form of its
    // own. Whoever names a file to be formatted should hear that it is none.
    if let (Origin::Flag(_), Some(other)) =
        (&config.policies.origin, files.iter().find(|path| !is_cedar(path)))
    {
        let message = format!("`{}` is not a `.cedar` file", other.display());
        return Err(Failure::error(message).hint("only policies can be formatted"));
    }
    files.retain(|path| is_cedar(path));
    let mut unformatted = Vec::new();
    for path in &files {
        match examine(path, &limits) {
            Ok(found) => unformatted.extend(found),
            Err(problem) => problems.append(problem),
        }
    }
    if problems.refuses() {
        return Err(problems.into());
    }
    finish(args.check, files.len(), &unformatted)
}

fn finish(check: bool, files: usize, unformatted: &[Unformatted]) -> Result<ExitCode, Failure> {
    let mut listed = String::new();
    for file in unformatted {
        if !check {
            replace(&file.path, &file.formatted).map_err(|error| {
                let (path, reason) = (file.path.display(), reason(&error));
                Failure::error(format!("cannot write `{path}`: {reason}"))
            })?;
        }
        listed.push_str(&visible(&format!("{}\n", file.path.display())));
    }
    terminal::data(&listed)?;
    let (word, exit) = match (check, unformatted.is_empty()) {
        (false, _) => ("formatted", ExitCode::Success),
        (true, true) => ("would change", ExitCode::Success),
        (true, false) => ("would change", ExitCode::Invalid),
    };
    let summary = format!("{} of {files} files {word}", unformatted.len());
    terminal::note(&Paint::stderr().faint(&summary));
    Ok(exit)
}

/// The file itself, or the `.cedar` files of a directory and those below it, sorted.
fn list(path: &Path, depth_left: usize) -> io::Result<Vec<PathBuf>> {
    if !path.metadata()?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // A link to a directory may lead in a circle, so only directories proper are entered.
        if entry.file_type()?.is_dir() {
            if depth_left > 0 {
                files.extend(list(&path, depth_left - 1)?);
            }
        } else if is_cedar(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_cedar(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "cedar")
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    let message = format!("cannot read `{}`: {}", path.display(), reason(error));
    Problem::error("unreadable-file", message)
}

/// What the file should look like, if it does not.
fn examine(path: &Path, limits: &Limits) -> Result<Option<Unformatted>, Problems> {
    let name = path.display().to_string();
    let size = path.metadata().map_err(|error| unreadable(path, &error))?.len();
    if size > limits.bytes_max as u64 {
        let message = format!("`{name}` has more than {} bytes", limits.bytes_max);
        return Err(Problem::error("text-too-large", message).into());
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    gate::policies(&name, &text, limits)?;
    let formatted = gate::on_large_stack(|| format(&name, &text, limits))?;
    Ok((formatted != text).then(|| Unformatted { path: path.to_owned(), formatted }))
}

/// The text in its form, having made sure that it still says the same.
fn format(name: &str, text: &str, limits: &Limits) -> Result<String, Problems> {
    let before = parse(name, text, limits)?;
    let config = FormatterConfig { line_width: LINE_CHARS, indent_width: INDENT_CHARS };
    let refused = |why: &str| {
        let message = format!("this file cannot be formatted: {why}; it is left as it is");
        Problems::one(Problem::error("format", message).at(Place::whole(name)))
    };
    let formatted = policies_str_to_pretty(text, &config)
        .map_err(|error| refused(&format!("the formatter says {error}")))?;
    if comments(text) != comments(&formatted) {
        return Err(refused("a comment would be lost"));
    }
    let after = parse(name, &formatted, limits)?;
    let (before, after) = (meaning(before), meaning(after));
    if before.is_none() || before != after {
        return Err(refused("its meaning would change"));
    }
    Ok(formatted)
}

/// Parses a text; what is wrong with it is told as every other command tells it.
fn parse(name: &str, text: &str, limits: &Limits) -> Result<PolicySet, Problems> {
    PolicySet::from_str(text).map_err(|_| {
        let mut problems = Problems::default();
        policies::parse(&[Text::new(name, text)], limits, &mut problems);
        problems
    })
}

/// What the policies of a text say, whatever it looks like: Cedar's JSON form of them.
fn meaning(set: PolicySet) -> Option<Value> {
    set.to_json().ok()
}

/// The comments of a text, sorted: formatting may move one, and must not lose it.
fn comments(text: &str) -> Vec<&str> {
    let mut comments = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '/']) {
        let (_, found) = rest.split_at_checked(at).unwrap_or_default();
        rest = if let Some(string) = found.strip_prefix('"') {
            after_string(string)
        } else if found.starts_with("//") {
            let (comment, after) = found.split_once('\n').unwrap_or((found, ""));
            comments.push(comment.trim_end());
            after
        } else {
            found.strip_prefix('/').unwrap_or_default()
        };
    }
    comments.sort_unstable();
    comments
}

/// What follows the closing quote of a string whose opening one is read.
fn after_string(string: &str) -> &str {
    let mut escaped = false;
    for (at, c) in string.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return string.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

/// Writes a new file beside the old one and puts it in its place, so that at every moment one of
/// the two is there whole. A symbolic link stays one; permissions stay as they were.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = path.canonicalize()?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = directory.join(format!(".{name}.{}.new", std::process::id()));
    let written = write_new(&temporary, text, &path).and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // The reason is in `written`; a file that could not be made need not be removed.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_new(temporary: &Path, text: &str, like: &Path) -> io::Result<()> {
    let mut file = fs::File::create_new(temporary)?;
    file.set_permissions(like.metadata()?.permissions())?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_told_from_strings() {
        let text = "// one\npermit(principal, action, resource) // two\nwhen { \"// no \\\" // no\" == \"/\" };";
        assert_eq!(comments(text), ["// one", "// two"]);
    }

    #[test]
    fn a_text_takes_one_form_and_keeps_it() {
        let text = "@id(\"a\")\n// why\npermit(principal,action,resource)when{true};";
        let limits = Limits::default();
        let once = format("a.cedar", text, &limits).unwrap();
        assert_eq!(format("a.cedar", &once, &limits).unwrap(), once);
        assert!(once.contains("// why\npermit (principal, action, resource)\nwhen { true };\n"));
    }
}
