//! Estates in, files out.
