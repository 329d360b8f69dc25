//! A route file, read: its routes, and who may ask, with the keys and secrets that it names. What
//! the routes mean in a schema is seen when there is one ([`RouteConfig::compile`]).

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::engine::schema::SchemaInfo;
use crate::engine::{Place, Problem, Problems, Snapshot, Text};
use crate::identity::{Identities, Options, OptionsError};
use crate::mapping::{FILE_BYTES_MAX, RouteFile, RouteMap};

/// The code of what is wrong under `identity:`.
const CODE: &str = "identity";

/// A route file, ready to be compiled.
#[derive(Debug)]
pub struct RouteConfig {
    file: RouteFile,
    name: String,
    identities: Identities,
}

// === impl RouteConfig ===

impl RouteConfig {
    /// The text of a route file, up to the bound of such files.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn text(path: &Path) -> Result<Text, Problem> {
        let text = read_bounded(path).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::NotFound => "there is no such file or directory".to_owned(),
                io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                _ => error.to_string(),
            };
            let message = format!("cannot read `{}`: {why}", path.display());
            Problem::error("unreadable-file", message)
        })?;
        Ok(Text::new(path.display().to_string(), text))
    }

    /// Reads a route file and the files that it names, which lie where it lies.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &Text) -> Result<Self, Problems> {
        let file = RouteFile::parse(text)?;
        let options = options(&file, &text.name)?;
        let base = Path::new(&text.name).parent().unwrap_or(Path::new(""));
        let identities = Identities::new(&options, base)
            .map_err(|error| Problems::from(problem(&file, &text.name, &error)))?;
        Ok(Self { file, name: text.name.clone(), identities })
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many routes it has.
    pub fn routes(&self) -> usize {
        self.file.len()
    }

    /// Who may ask.
    pub fn identities(&self) -> &Identities {
        &self.identities
    }

    /// The map of its routes in a snapshot's schema.
    ///
    /// # Errors
    /// Everything in it that the schema does not have.
    pub fn compile(&self, snapshot: &Snapshot) -> Result<RouteMap, Problems> {
        let types = self.identities.principal_types();
        compile(&self.file, &self.name, types.into_iter(), snapshot.schema())
    }

    /// Judges a route file as [`Self::read`] and [`Self::compile`] do, but leaves keys and secrets
    /// alone: they need not be where the file is written. Gives the number of routes.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn judge(text: &Text, schema: Option<&SchemaInfo>) -> Result<usize, Problems> {
        let file = RouteFile::parse(text)?;
        let options = options(&file, &text.name);
        let mut problems = Problems::default();
        if let Some(schema) = schema {
            let types = options.as_ref().map(Options::principal_types).unwrap_or_default();
            let compiled = compile(&file, &text.name, types.into_iter(), schema);
            problems.append(compiled.err().unwrap_or_default());
        }
        problems.append(options.err().unwrap_or_default());
        if problems.refuses() { Err(problems) } else { Ok(file.len()) }
    }
}

fn compile<'a>(
    file: &RouteFile,
    name: &str,
    types: impl Iterator<Item = &'a str>,
    schema: &SchemaInfo,
) -> Result<RouteMap, Problems> {
    let mut problems = Problems::default();
    let known = schema.type_names();
    for missing in types.filter(|name| !known.iter().any(|known| known == name)) {
        let message = format!(
            "`identity` names principals of the type `{missing}`, which the schema does not declare"
        );
        let hint = format!("it declares {}", known.join(", "));
        problems.push(Problem::error(CODE, message).at(Place::whole(name)).hint(hint));
    }
    match RouteMap::compile(file, schema) {
        Ok(map) if !problems.refuses() => Ok(map),
        Ok(_) => Err(problems),
        Err(more) => {
            problems.append(more);
            Err(problems)
        }
    }
}

fn options(file: &RouteFile, name: &str) -> Result<Options, Problems> {
    Options::read(&file.identity).map_err(|errors| {
        let mut problems = Problems::default();
        for error in &errors {
            problems.push(problem(file, name, error));
        }
        problems
    })
}

/// An error under `identity:` with the place of its entry.
fn problem(file: &RouteFile, name: &str, error: &OptionsError) -> Problem {
    let index = error.place.strip_prefix("identity[").and_then(|rest| rest.split_once(']'));
    let entry = index.and_then(|(index, _)| file.identity_places.get(index.parse::<usize>().ok()?));
    let place = entry.cloned().unwrap_or_else(|| Place::whole(name));
    let mut problem =
        Problem::error(CODE, format!("`{}`: {}", error.place, error.message)).at(place);
    problem.hint.clone_from(&error.hint);
    problem
}

/// Reads a text up to the bound of route files.
///
/// # Errors
/// It cannot be read, is a directory, or is larger.
pub fn read_bounded(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    if text.len() > FILE_BYTES_MAX {
        let message = format!("it has more than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}
