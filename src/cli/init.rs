//! `doorward init`: writes a project to start from, which is ThingsBoard's tutorial or one of the
//! examples.

mod project;
mod proxies;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use self::project::{Example, Written};
use super::exit::{ExitCode, Failure, reason};
use super::terminal::{self, visible};

/// Write policies, schema, entities, tests, routes and proxy snippets to start from
#[derive(Debug, Args)]
#[command(after_help = "Nothing is overwritten: if one of the files is there already, none is \
                        written.\n\nExample: doorward init --example drive my-drive\n\nExit codes: \
                        0 done, 1 error, 2 usage.")]
pub(super) struct InitArgs {
    /// Directory to write to; it is made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,

    /// A platform to start from, in place of the tutorial
    #[arg(long, value_name = "NAME")]
    example: Option<Example>,
}

/// How many of the files that are in the way are named.
const NAMES_SHOWN_MAX: usize = 3;

/// Writes every file, or none.
pub(super) fn run(args: &InitArgs) -> Result<ExitCode, Failure> {
    let files = args.example.map_or_else(project::tutorial, Example::files);
    refuse_to_overwrite(&args.directory, &files)?;
    let mut written = Vec::new();
    for (path, text) in &files {
        let path = args.directory.join(&**path);
        if let Err(error) = write(&path, text, &mut written) {
            for path in written.iter().rev() {
                // Undone as far as it can be; what is told is why it had to be.
                let _ = fs::remove_file(path);
            }
            let message = format!("cannot write `{}`: {}", path.display(), reason(&error));
            return Err(Failure::error(message).hint("nothing was written"));
        }
    }
    let listed = written.iter().map(|path| format!("{}\n", path.display()));
    terminal::data(&visible(&listed.collect::<String>()))?;
    let directory = args.directory.display();
    terminal::note(&visible(&format!(
        "\nNext:\n  cd {directory}\n  doorward validate\n  doorward test\n  doorward serve\n\n\
         README.md there says more."
    )));
    Ok(ExitCode::Success)
}

fn refuse_to_overwrite(directory: &Path, files: &[Written]) -> Result<(), Failure> {
    let there: Vec<_> = files
        .iter()
        .map(|(path, _)| directory.join(&**path))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| format!("`{}`", path.display()))
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    let shown = there.iter().take(NAMES_SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    let more = match there.len().saturating_sub(NAMES_SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verb = if there.len() == 1 { "is" } else { "are" };
    Err(Failure::error(format!("{shown}{more} {verb} there already"))
        .hint("nothing was written; choose another directory"))
}

fn write(path: &Path, text: &str, written: &mut Vec<PathBuf>) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // Never over a file that has come to be there since.
    let mut file = fs::File::create_new(path)?;
    written.push(path.to_owned());
    file.write_all(text.as_bytes())
}
