//! Route files from `OpenAPI` documents.
