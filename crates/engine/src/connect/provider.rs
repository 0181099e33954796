use rustls::crypto::CryptoProvider;

/// Makes `ring` the process's cryptography for TLS. May be called any number of
/// times; a provider that was installed before stays.
///
/// The tree of the SDK has two providers in it, and rustls refuses to choose
/// between two: without this, the first use of TLS would panic or depend on
/// which transport came first.
pub fn install_crypto_provider() {
    if CryptoProvider::get_default().is_none() {
        // The only error is that another thread was faster, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_twice_is_fine() {
        install_crypto_provider();
        install_crypto_provider();
        assert!(CryptoProvider::get_default().is_some());
    }
}
