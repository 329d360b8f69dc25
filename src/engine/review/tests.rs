//! What a review finds, and what it does not.
