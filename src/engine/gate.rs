//! The gate: size, tokens and depth of every text before a Cedar parser sees it.
//!
//! Cedar's parsers and evaluator recurse with the nesting of their input, and a stack that
//! overflows ends the process: 200 nested parentheses do it on a 2 MiB stack (measured with
//! cedar-policy 4.14.1). So texts are read here first, by a lexer that does not recurse, and what
//! passes is parsed on a thread with a large stack.

mod balance;
mod declarations;
mod lexer;
#[cfg(test)]
mod tests;

use super::error::{Place, Problem};
pub use declarations::declaration;
use lexer::{Kind, Lexer, Token};
pub use lexer::{Statement, statements};

/// The stack of the thread that parses and compiles. Reserved, not used: pages count when touched.
const STACK_BYTES: usize = 256 * 1024 * 1024;

/// The bounds of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one text.
    pub bytes_max: usize,
    /// The most tokens of one text.
    pub tokens_max: usize,
    /// The deepest nesting: brackets, unary operators, `if` and operator chains count.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes_max: 64 * 1024 * 1024, tokens_max: 4_000_000, depth_max: 64 }
    }
}

/// Runs `work` on a thread with a large stack and waits for it.
///
/// # Panics
/// As `work` panics.
#[expect(clippy::panic, reason = "without a thread there is nothing to hand back")]
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("compile".into()).stack_size(STACK_BYTES);
        match builder.spawn_scoped(scope, work) {
            Ok(thread) => match thread.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            },
            Err(error) => std::panic::panic_any(format!("cannot start a thread: {error}")),
        }
    })
}

/// Checks a text of Cedar policies.
pub fn policies(name: &str, text: &str, limits: &Limits) -> Result<(), Problem> {
    check(name, text, limits, Language::Policies)
}

/// Checks a schema in Cedar's schema language.
pub fn schema(name: &str, text: &str, limits: &Limits) -> Result<(), Problem> {
    check(name, text, limits, Language::Schema)
}

/// What is out of balance in a text of policies that does not parse: a bracket or a semicolon.
pub fn policies_balance(name: &str, text: &str) -> Option<Problem> {
    balance::problem(name, text, Language::Policies)
}

/// What is out of balance in a schema that does not parse: a bracket.
pub fn schema_balance(name: &str, text: &str) -> Option<Problem> {
    balance::problem(name, text, Language::Schema)
}

/// Checks only the size, for texts whose nesting another reader bounds.
pub fn size(name: &str, text: &str, limits: &Limits) -> Result<(), Problem> {
    if text.len() <= limits.bytes_max {
        return Ok(());
    }
    let message = format!("the text is {} bytes long, more than {}", text.len(), limits.bytes_max);
    Err(Problem::error("text-too-large", message).at(Place::whole(name)))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    Policies,
    Schema,
}

fn check(name: &str, text: &str, limits: &Limits, language: Language) -> Result<(), Problem> {
    size(name, text, limits)?;
    let mut nesting = Nesting::new(language);
    let mut tokens = 0_usize;
    let mut last = None;
    for token in Lexer::new(text) {
        tokens += 1;
        if tokens > limits.tokens_max {
            let message = format!("the text has more than {} tokens", limits.tokens_max);
            return Err(Problem::error("too-many-tokens", message).at(Place::of(
                name,
                text,
                token.start,
                token.end - token.start,
            )));
        }
        if nesting.step(&token, text) > limits.depth_max {
            return Err(too_deep(name, text, &token, limits));
        }
        last = Some(token);
    }
    match last {
        Some(token) if nesting.end_ifs() > limits.depth_max => {
            Err(too_deep(name, text, &token, limits))
        }
        _ => Ok(()),
    }
}

fn too_deep(name: &str, text: &str, token: &Token, limits: &Limits) -> Problem {
    let message = format!("this is nested deeper than {} levels", limits.depth_max);
    Problem::error("nested-too-deep", message)
        .at(Place::of(name, text, token.start, token.end - token.start))
        .hint("brackets, unary operators, `if` and chains of operators count")
}

/// How deep the tree is that a parser would build, bottom up: each bracket, unary operator and `if`
/// is a level, and a chain of binary operators is as many levels as it has operators, because Cedar
/// folds it to the left.
struct Nesting {
    language: Language,
    open: Vec<Level>,
    after_operand: bool,
    after_dot: bool,
}

/// What is open: the text itself, a bracket, or an `if`.
#[derive(Default)]
struct Level {
    is_if: bool,
    /// A bracket behind an operand is a call or an index of it.
    applies: bool,
    /// How deep the operand is that is being read.
    operand: usize,
    /// Unary operators that wait for their operand.
    unaries: usize,
    /// For each binary operator class, from the tightest, the depth of what is left of it.
    left: [Option<usize>; CLASSES],
    /// The deepest expression of this level that is complete.
    deepest: usize,
}

/// Classes of binary operators, from the tightest: product, sum, relation, and, or.
const CLASSES: usize = 5;
const PRODUCT: usize = 0;
const SUM: usize = 1;
const RELATION: usize = 2;
const AND: usize = 3;
const OR: usize = 4;

// === impl Level ===

impl Level {
    /// Completes the operand being read and joins it to what is left of it, up to a class.
    fn join(&mut self, class: usize) -> usize {
        let mut depth = self.operand + self.unaries;
        (self.operand, self.unaries) = (0, 0);
        for left in self.left.iter_mut().take(class + 1) {
            if let Some(left) = left.take() {
                depth = depth.max(left) + 1;
            }
        }
        depth
    }

    fn binary(&mut self, class: usize) {
        let depth = self.join(class);
        if let Some(left) = self.left.get_mut(class) {
            *left = Some(depth);
        }
    }

    /// Ends an expression: at a comma, a semicolon, a closing bracket, `then` or `else`.
    fn end(&mut self) -> usize {
        let depth = self.join(OR);
        self.deepest = self.deepest.max(depth);
        self.deepest
    }
}

// === impl Nesting ===

impl Nesting {
    fn new(language: Language) -> Self {
        Self { language, open: vec![Level::default()], after_operand: false, after_dot: false }
    }

    /// Takes one token and says how deep the text is known to be nested there.
    fn step(&mut self, token: &Token, text: &str) -> usize {
        let word = text.get(token.start..token.end).unwrap_or_default();
        let policies = self.language == Language::Policies;
        match token.kind {
            Kind::Open => self.enter(),
            Kind::Close => self.leave(),
            Kind::Operator if policies => self.operator(word),
            Kind::Operator if word == "<" => self.enter(),
            Kind::Operator if word == ">" => self.leave(),
            Kind::Word if policies => self.word(word),
            Kind::Literal if policies => self.operand(),
            Kind::Operator | Kind::Word | Kind::Literal => {}
        }
        self.after_dot = word == ".";
        let level = self.open.last();
        let here = level.map_or(0, |level| {
            let left = level.left.iter().flatten().copied().max().unwrap_or(0);
            (level.operand + level.unaries).max(left).max(level.deepest)
        });
        // Brackets that are not closed yet nest as well, whatever they will hold.
        self.open.len() - 1 + here
    }

    fn enter(&mut self) {
        let applies = self.after_operand && self.language == Language::Policies;
        self.open.push(Level { applies, ..Level::default() });
        self.after_operand = false;
    }

    fn leave(&mut self) {
        let depth = self.end_ifs();
        if self.open.len() > 1 {
            let applies = self.open.pop().is_some_and(|level| level.applies);
            if let Some(level) = self.open.last_mut() {
                level.operand = if applies { level.operand.max(depth) } else { depth } + 1;
            }
        }
        self.after_operand = true;
    }

    /// Ends the expression, and every `if` whose last branch it is.
    fn end_ifs(&mut self) -> usize {
        loop {
            let Some(level) = self.open.last_mut() else { return 0 };
            let depth = level.end();
            if !level.is_if {
                return depth;
            }
            self.open.pop();
            if let Some(level) = self.open.last_mut() {
                level.operand = depth + 1;
            }
        }
    }

    fn operator(&mut self, operator: &str) {
        let binary = self.after_operand;
        self.after_operand = false;
        if matches!(operator, ";" | "," | ":") {
            // A statement's depth stays the level's: the deepest one is what matters.
            self.end_ifs();
            return;
        }
        let Some(level) = self.open.last_mut() else { return };
        match operator {
            "||" => level.binary(OR),
            "&&" => level.binary(AND),
            "==" | "!=" | "<" | "<=" | ">" | ">=" => level.binary(RELATION),
            "+" => level.binary(SUM),
            "-" if binary => level.binary(SUM),
            "*" | "/" | "%" => level.binary(PRODUCT),
            "!" | "-" => level.unaries += 1,
            "." => level.operand += 1,
            _ => {}
        }
    }

    fn word(&mut self, word: &str) {
        let outermost = self.open.len() == 1;
        let Some(level) = self.open.last_mut() else { return };
        match word {
            _ if self.after_dot => {}
            "if" => self.open.push(Level { is_if: true, ..Level::default() }),
            "then" | "else" => {
                level.end();
            }
            "in" | "has" | "like" | "is" => level.binary(RELATION),
            // Cedar joins the clauses of a policy with `&&`.
            "when" | "unless" if outermost => level.binary(AND),
            _ => return self.operand(),
        }
        self.after_operand = self.after_dot;
    }

    /// A name or a literal.
    fn operand(&mut self) {
        self.after_operand = true;
    }
}
