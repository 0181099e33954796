//! What the server shows of itself to clients that speak TLS.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

/// Every self-signed certificate is for these, so that a client on this machine needs no
/// `tls_domain`.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A certificate and its key, for the listeners of a server.
#[derive(Clone)]
pub struct TlsIdentity {
    config: Arc<ServerConfig>,
    authority_pem: Option<String>,
}

/// Why there is no certificate to show.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("cannot read a {what} in PEM from {path}")]
    Read {
        /// What was looked for: `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key are not of one pair, or of a kind that is not supported.
    #[error("the certificate cannot be used with the key")]
    Pair(#[source] rustls::Error),
    /// A certificate cannot be made, mostly since a name is none.
    #[error("cannot make a certificate")]
    Made(#[from] rcgen::Error),
}

impl TlsIdentity {
    /// Reads a certificate, followed by its intermediate ones if there are any, and its
    /// key (PKCS #8, PKCS #1 or SEC 1), both in PEM.
    ///
    /// # Errors
    /// [`TlsError::Read`] and [`TlsError::Pair`].
    pub fn from_files(
        certificate: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        let unreadable = |what, path: &Path| {
            let path = path.to_path_buf();
            move |source| TlsError::Read { what, path, source }
        };
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(|chain| {
                if chain.is_empty() {
                    Err(rustls::pki_types::pem::Error::NoItemsFound)
                } else {
                    Ok(chain)
                }
            })
            .map_err(unreadable("certificate", certificate))?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(unreadable("private key", key))?;
        Self::new(chain, key, None)
    }

    /// Makes an authority of its own, and a certificate by it for `localhost`, 127.0.0.1,
    /// ::1 and the names and addresses given. The authority's key is forgotten at once, so
    /// who trusts the authority trusts this certificate and no other.
    ///
    /// # Errors
    /// [`TlsError::Made`] for a name that no certificate can hold.
    pub fn self_signed(
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, TlsError> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority
            .distinguished_name
            .push(DnType::CommonName, "Authority of an embedded Iggy server");
        let authority_key = KeyPair::generate()?;
        let authority_certificate = authority.self_signed(&authority_key)?;
        let authority = Issuer::new(authority, authority_key);

        let names: Vec<String> = LOCAL_NAMES
            .into_iter()
            .map(str::to_owned)
            .chain(names.into_iter().map(Into::into))
            .collect();
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "Embedded Iggy server");
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &authority)?;
        Self::new(
            vec![certificate.into()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            Some(authority_certificate.pem()),
        )
    }

    /// The certificate, in PEM, that clients of a [self-signed](Self::self_signed) one
    /// trust (`tls_ca_file` of the official clients takes a file with it); `None` when the
    /// certificate came from files.
    #[must_use]
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        authority_pem: Option<String>,
    ) -> Result<Self, TlsError> {
        // Named, since a process with two providers in its tree has no default one.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Pair)?;
        Ok(Self {
            config: Arc::new(config),
            authority_pem,
        })
    }
}

/// Without the key.
impl fmt::Debug for TlsIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TlsIdentity")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn what_is_wrong_with_files_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let refused = || TlsIdentity::from_files(&certificate, &key).unwrap_err();
        let of_certificate = |error: &TlsError| matches!(error, TlsError::Read { what, .. } if *what == "certificate");
        assert!(of_certificate(&refused()), "no file");
        std::fs::write(&certificate, "hello").unwrap();
        assert!(of_certificate(&refused()), "nothing in it");
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        assert!(matches!(
            refused(),
            TlsError::Read {
                what: "private key",
                ..
            }
        ));
        std::fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(matches!(refused(), TlsError::Pair(_)), "of another pair");
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let identity = TlsIdentity::from_files(&certificate, &key).unwrap();
        assert_eq!(identity.authority_pem(), None);
    }

    #[test]
    fn no_certificate_for_what_is_no_name() {
        assert!(TlsIdentity::self_signed(["ü"]).is_err());
        assert!(TlsIdentity::self_signed(["broker.example"]).is_ok());
    }
}
