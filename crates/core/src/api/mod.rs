//! The wire shape of manifests, one folder per version, one file per kind.
