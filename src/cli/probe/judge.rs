//! What arrived, held against what was sent and against what doorward says when it is asked about
//! exactly that.

use super::cases::{Case, FORGED};
use super::class::Class;
use super::marker::Got;
use super::report::{Finding, Severity};
use super::route::Rewriting;
use super::unreachable_doorward;
use super::wire::{Answered, Doorward};
use crate::cli::exit::Failure;

/// Judges what arrived.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    pub(super) doorward: &'a Doorward,
    pub(super) rewriting: &'a Rewriting,
}

// === impl Judge ===

impl Judge<'_> {
    /// The findings of all cases that were sent, in their order.
    pub(super) fn all(
        &self,
        cases: &[Case],
        sent: &[Answered],
        arrived: &[Got],
    ) -> Result<Vec<Finding>, Failure> {
        let mut findings = Vec::new();
        for (case, answered) in cases.iter().zip(sent) {
            let finding = |class: Class, severity, got: &Got, said: String| Finding {
                class,
                severity,
                what: case.what.clone(),
                sent: case.shown(),
                answered: answered.clone(),
                arrived: got.shown(),
                said,
            };
            for got in arrived.iter().filter(|got| got.names(&case.mark)) {
                let said = "a second request, which nobody asked doorward about".to_owned();
                findings.push(finding(Class::Framing, Severity::Disagreement, got, said));
            }
            for got in arrived.iter().filter(|got| got.is_of(case)) {
                for (class, severity, said) in self.faults(case, got)? {
                    findings.push(finding(class, severity, got, said));
                }
            }
        }
        Ok(findings)
    }

    /// What is wrong with a request that arrived: who disagrees first, then what it carries.
    fn faults(&self, case: &Case, got: &Got) -> Result<Vec<(Class, Severity, String)>, Failure> {
        let mut faults = Vec::new();
        let mut fault = |class, said| faults.push((class, Severity::Disagreement, said));
        let said = self.says(case, got)?;
        if !said.is_allow() {
            fault(case.class, format!("doorward says {said} to what arrived"));
        } else if case.never {
            fault(case.class, "it must not arrive, whatever is in it".to_owned());
        }
        if let Some(name) = forged(got) {
            fault(Class::Identity, format!("`{name}` is the client's own"));
        }
        let several = |name| got.all(name).count() > 1;
        let lengths = ["content-length", "transfer-encoding"];
        if lengths.into_iter().any(several) || lengths.iter().all(|name| got.all(name).count() > 0)
        {
            fault(Class::Framing, "it arrives with two lengths".to_owned());
        }
        if several("host") {
            fault(Class::Hosts, "it arrives with two hosts".to_owned());
        }
        let other = |value: &[u8]| !value.eq_ignore_ascii_case(b"websocket") && !value.is_empty();
        if got.all("upgrade").any(other) {
            fault(Class::Upgrades, "the upgrade arrives".to_owned());
        }
        if let Some(name) = case.notice.as_deref().filter(|name| got.all(name).count() > 0) {
            let said = format!("`{name}` arrives; see that the platform does not believe it");
            faults.push((case.class, Severity::Notice, said));
        }
        Ok(faults)
    }

    /// What doorward says to what arrived, from the sender of the case.
    fn says(&self, case: &Case, got: &Got) -> Result<Answered, Failure> {
        let host = got.all("host").collect::<Vec<_>>().join(&b", "[..]);
        // A platform by another name of its own is asked about as the client called it.
        let host = if case.class == Class::Hosts { host } else { case.host.clone() };
        let target = self.rewriting.undone(&got.target);
        self.doorward
            .asked(&got.method, &host, &target, &case.credentials)
            .map_err(unreachable_doorward)
    }
}

/// The header of ours that holds what the client wrote into it, however it is spelt.
fn forged(got: &Got) -> Option<String> {
    let ours = |name: &str| {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        plain.to_ascii_lowercase().starts_with("xdoorward")
            && !plain.eq_ignore_ascii_case("xdoorwardtoken")
    };
    let holds =
        |value: &[u8]| value.windows(FORGED.len()).any(|window| window == FORGED.as_bytes());
    let found = got.headers.iter().find(|(name, value)| ours(name) && holds(value));
    found.map(|(name, _)| name.clone())
}
