//! `doorward probe` against a proxy that is set up well, and against ones that are not.
