//! The report: findings by class for people, one by one for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::class::Class;
use super::wire::Answered;
use crate::cli::terminal::{Paint, visible};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Proxy, doorward and platform disagree.
    Disagreement,
    /// They agree as long as the platform does not believe what arrives.
    Notice,
}

/// A case that went wrong.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    pub(super) class: Class,
    pub(super) severity: Severity,
    /// What was tried.
    pub(super) what: String,
    /// What the client sent.
    pub(super) sent: String,
    /// What the client got.
    pub(super) answered: Answered,
    /// What arrived at the platform.
    pub(super) arrived: String,
    /// What is wrong with it.
    pub(super) said: String,
}

/// Everything that was found.
#[derive(Debug)]
pub(super) struct Report {
    findings: Vec<Finding>,
    cases: usize,
    sent: usize,
}

// === impl Report ===

impl Report {
    pub(super) fn new(mut findings: Vec<Finding>, cases: usize, sent: usize) -> Self {
        findings.sort_by_key(|finding| (finding.severity == Severity::Notice, finding.class));
        Self { findings, cases, sent }
    }

    /// Whether anything but notices was found.
    pub(super) fn disagrees(&self) -> bool {
        self.count(Severity::Disagreement) > 0
    }

    pub(super) fn for_people(&self, paint: Paint) -> String {
        let mut text = String::new();
        let mut class = None;
        for finding in &self.findings {
            if class != Some((finding.class, finding.severity)) {
                class = Some((finding.class, finding.severity));
                let name = finding.class.name();
                let head = match finding.severity {
                    Severity::Disagreement => paint.bad(name),
                    Severity::Notice => paint.doubtful(name),
                };
                let advisories = finding.class.advisories().join(", ");
                let advice = finding.class.advice();
                let _ = writeln!(text, "{head}  like {advisories}\n  {advice}");
            }
            let Finding { what, sent, answered, arrived, said, .. } = finding;
            let _ = writeln!(text, "  - {what}");
            let _ = writeln!(text, "      sent      {}", visible(sent));
            let _ = writeln!(text, "      answered  {answered}");
            let _ = writeln!(text, "      arrived   {}", visible(arrived));
            let _ = writeln!(text, "      wrong     {}", visible(said));
        }
        let (wrong, notices) = (self.count(Severity::Disagreement), self.count(Severity::Notice));
        let summary = format!(
            "{} requests: {}, {}",
            self.sent,
            counted(wrong, "disagreement"),
            counted(notices, "notice")
        );
        let summary = if wrong > 0 { paint.bad(&summary) } else { paint.good(&summary) };
        let _ = writeln!(text, "{summary}");
        text
    }

    pub(super) fn to_json(&self) -> Value {
        let finding = |finding: &Finding| {
            json!({
                "class": finding.class.name(),
                "advisories": finding.class.advisories(),
                "advice": finding.class.advice(),
                "severity": match finding.severity {
                    Severity::Disagreement => "disagreement",
                    Severity::Notice => "notice",
                },
                "tried": finding.what,
                "sent": finding.sent,
                "answered": { "status": finding.answered.status, "reason": finding.answered.reason },
                "arrived": finding.arrived,
                "wrong": finding.said,
            })
        };
        json!({
            "requests": { "planned": self.cases, "sent": self.sent },
            "disagreements": self.count(Severity::Disagreement),
            "notices": self.count(Severity::Notice),
            "findings": self.findings.iter().map(finding).collect::<Vec<_>>(),
        })
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}"),
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}
