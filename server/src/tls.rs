//! TLS by rustls: the certificate and its key, which may be renewed while the server runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;

use crate::config::read::read_text;

/// Longest file of a certificate: a chain has some KiB.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// What speaks TLS.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Arc<RwLock<Arc<ServerConfig>>>);

/// A certificate that cannot be used: the setting, its file, and why.
#[derive(Debug)]
pub(crate) struct BadCertificate {
    /// The setting.
    pub(crate) setting: &'static str,
    /// Its file.
    pub(crate) file: PathBuf,
    /// What is wrong with it.
    pub(crate) why: String,
}

impl Tls {
    /// Reads a certificate with its chain, and its key.
    ///
    /// # Errors
    /// When they cannot be read, or do not belong together.
    pub(crate) fn load(certificate: &Path, key: &Path) -> Result<Self, BadCertificate> {
        let config = config(certificate, key)?;
        Ok(Self(Arc::new(RwLock::new(Arc::new(config)))))
    }

    /// Reads them again. Connections that are there go on as they began.
    ///
    /// # Errors
    /// As before; what held goes on to hold.
    pub(crate) fn renew(&self, certificate: &Path, key: &Path) -> Result<(), BadCertificate> {
        let config = Arc::new(config(certificate, key)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// When the other side speaks no TLS, or none that is safe.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        TlsAcceptor::from(config).accept(stream).await
    }
}

fn config(certificate: &Path, key: &Path) -> Result<ServerConfig, BadCertificate> {
    let bad = |setting, file: &Path, why: String| BadCertificate {
        setting,
        file: file.to_owned(),
        why,
    };
    let text = |setting, file: &Path| {
        read_text(&file.to_owned(), FILE_BYTES_MAX).map_err(|why| bad(setting, file, why))
    };
    let chain = text("tls-cert", certificate)?;
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_slice_iter(chain.as_bytes()).collect();
    let chain = chain.unwrap_or_default();
    if chain.is_empty() {
        let why = "it holds no certificate as PEM".to_owned();
        return Err(bad("tls-cert", certificate, why));
    }
    // What is wrong with a key is not quoted: it is a secret.
    let private = text("tls-key", key)?;
    let private = PrivateKeyDer::from_pem_slice(private.as_bytes())
        .map_err(|_error| bad("tls-key", key, "it holds no private key as PEM".to_owned()))?;
    let fails = |error: tokio_rustls::rustls::Error| bad("tls-key", key, error.to_string());
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(fails)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(fails)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
