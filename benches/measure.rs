//! Rounds that alternate between what is compared, so that a machine whose speed drifts slows all of
//! it alike, and the table of medians and ratios.

/// Something to measure.
pub(crate) struct Subject<'a> {
    pub(crate) name: String,
    /// Does one round and says what one operation cost.
    pub(crate) round: Box<dyn FnMut() -> f64 + 'a>,
}

impl<'a> Subject<'a> {
    pub(crate) fn new(name: impl Into<String>, round: impl FnMut() -> f64 + 'a) -> Self {
        Self { name: name.into(), round: Box::new(round) }
    }
}

/// Measures all subjects in so many alternating rounds and prints medians, and ratios to the first.
/// Gives the medians. One round more warms up and is left out.
pub(crate) fn compare(title: &str, rounds: usize, subjects: &mut [Subject<'_>]) -> Vec<f64> {
    let mut costs = vec![Vec::new(); subjects.len()];
    for round in 0..=rounds {
        for (subject, costs) in subjects.iter_mut().zip(&mut costs) {
            let cost = (subject.round)();
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let medians: Vec<f64> = costs.iter_mut().map(|costs| median(costs)).collect();
    let first = medians.first().copied().unwrap_or(f64::NAN);
    println!("\n{title:<52} {:>12} {:>9}", "µs, median", "ratio");
    for (subject, median) in subjects.iter().zip(&medians) {
        println!("{:<52} {median:>12.2} {:>8.3}x", subject.name, median / first);
    }
    medians
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
