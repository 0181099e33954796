//! How the desired state differs from the observed one.
