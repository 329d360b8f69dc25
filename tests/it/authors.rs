//! The guide for policy authors: every command that it shows, and every answer.

use crate::session;

#[test]
fn every_command_of_the_guide_answers_as_it_says() {
    session::run("docs/policy-authors.md");
}
