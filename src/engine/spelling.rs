//! What somebody may have meant who wrote a name that is not known.

/// The longest word, in bytes, that is looked at: names are written by hand.
const WORD_BYTES_MAX: usize = 128;
/// With more mistakes a word is another one.
const MISTAKES_MAX: usize = 3;
/// The most names that a hint lists.
const LISTED_MAX: usize = 12;
/// The most names that one word is held against.
const COMPARED_MAX: usize = 10_000;

/// The nearest of the names that are known, if one is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .take(COMPARED_MAX)
        .map(|name| (distance(&lower, &name.to_lowercase()), name))
        .min()
        .filter(|(distance, name)| {
            let shorter = name.chars().count().min(word.chars().count());
            *distance <= (shorter / 3).min(MISTAKES_MAX)
        })
        .map(|(_, name)| name)
}

/// A hint for a name that is not known: the nearest of those that are, or all of them, in the order
/// given, or as many as can be read. `lead` stands before a list, such as `the schema declares`.
pub fn hint<'a>(
    word: &str,
    lead: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(name) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let listed: Vec<String> =
        known.clone().into_iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect();
    let more = known.into_iter().count() - listed.len();
    match (listed.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(format!("{lead} {}", listed.join(", "))),
        (false, more) => Some(format!("{lead} {} and {more} more", listed.join(", "))),
    }
}

/// How many letters must be inserted, left out, replaced or swapped with their neighbour to get
/// from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    if from.len().max(to.len()) > WORD_BYTES_MAX {
        return usize::MAX;
    }
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut above: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let cost = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX - 1);
    for (number, letter) in from.iter().enumerate() {
        let mut next = vec![number + 1];
        for (at, other) in to.iter().enumerate() {
            let replaced = cost(&row, at) + usize::from(letter != other);
            let mut least = replaced.min(cost(&row, at + 1) + 1).min(cost(&next, at) + 1);
            let swapped = number > 0
                && at > 0
                && from.get(number - 1) == Some(other)
                && to.get(at - 1) == Some(letter);
            if swapped {
                least = least.min(cost(&above, at - 1) + 1);
            }
            next.push(least);
        }
        above = std::mem::replace(&mut row, next);
    }
    cost(&row, to.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_meant() {
        let known = ["owner", "tenant", "enabled"];
        assert_eq!(nearest("ovner", known), Some("owner"));
        assert_eq!(nearest("Owner", known), Some("owner"));
        assert_eq!(nearest("onwer", known), Some("owner"));
        assert_eq!(nearest("tenants", known), Some("tenant"));
        assert_eq!(nearest("rank", known), None);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(nearest("", known), None);
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }

    #[test]
    fn a_hint_lists_what_is_known_where_nothing_is_near() {
        let known = ["one", "two"];
        assert_eq!(hint("tow", "there are", known).unwrap(), "did you mean `two`?");
        assert_eq!(hint("three", "there are", known).unwrap(), "there are `one`, `two`");
        assert_eq!(hint("three", "there are", []), None);
        let many: Vec<String> = (0..20).map(|number| format!("name {number}")).collect();
        let said = hint("other", "there are", many.iter().map(String::as_str)).unwrap();
        assert!(said.ends_with("`name 11` and 8 more"), "{said}");
    }
}
