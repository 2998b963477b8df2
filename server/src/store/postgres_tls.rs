//! TLS to PostgreSQL, by rustls: `sslmode` and `sslrootcert` of the database's address, as every program knows them.
//!
//! The two are read here, because the client knows neither a root certificate nor how much of one is to be looked at.

use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use postgres::Config;
use postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};
use tokio_rustls::{TlsConnector, client};

use super::{DatabaseError, StoreError, Trouble};
use crate::config::read::read_text;

/// Longest file of root certificates: a system's whole store has some 250 KiB.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How much of the other side's certificate is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// Nothing: nobody can listen, but anybody could stand in between.
    Nothing,
    /// That one of our roots stands behind it.
    Chain,
    /// And that it is for the host.
    Name,
}

/// Reads the address of a database: how to connect, and how to speak TLS there.
pub(super) fn read(url: &str) -> Result<(Config, Tls), StoreError> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots, mut rest) = ("prefer", None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = value,
            Some(("sslrootcert", file)) => roots = Some(decoded(file)),
            _ => rest.push(pair.to_owned()),
        }
    }
    let (known, check) = match (mode, &roots) {
        ("disable", _) => ("disable", Check::Nothing),
        ("prefer", _) => ("prefer", Check::Nothing),
        ("require", None) => ("require", Check::Nothing),
        // As libpq has it: whoever names a root wants it to be looked at.
        ("require" | "verify-ca", Some(_)) => ("require", Check::Chain),
        ("verify-full", Some(_)) => ("require", Check::Name),
        ("verify-ca" | "verify-full", None) => {
            return Err(wrong(
                "sslmode=verify-ca and verify-full need sslrootcert=FILE",
            ));
        }
        _ => {
            return Err(wrong(
                "sslmode is disable, prefer, require, verify-ca or verify-full",
            ));
        }
    };
    rest.push(format!("sslmode={known}"));
    let config: Result<Config, _> = format!("{place}?{}", rest.join("&")).parse();
    let config = config.map_err(super::postgres::failed)?;
    let roots = roots.filter(|_| check != Check::Nothing);
    Ok((config, Tls::new(roots.as_deref().map(Path::new), check)?))
}

/// What an address writes as `%2F`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%');
        let byte = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = byte.map_or(after, |_| after.get(2..).unwrap_or_default());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn wrong(text: &str) -> StoreError {
    StoreError::Database(DatabaseError {
        trouble: Trouble::Other,
        text: format!("PostgreSQL: {text}"),
    })
}

/// What speaks TLS with a database.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    fn new(roots: Option<&Path>, check: Check) -> Result<Self, StoreError> {
        let provider = Arc::new(ring::default_provider());
        let chain = match roots {
            Some(file) => Some(chain(file, &provider)?),
            None => None,
        };
        let verifier = Verifier {
            provider: Arc::clone(&provider),
            chain,
            check,
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

fn chain(
    file: &Path,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, StoreError> {
    let unusable = |why: &str| wrong(&format!("sslrootcert={}: {why}", file.display()));
    let text = read_text(&file.to_path_buf(), FILE_BYTES_MAX).map_err(|why| unusable(&why))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable(&error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(&error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it"));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(&error.to_string()))
}

/// Looks at as much of a certificate as was asked for.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
    check: Check,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The name is looked at last: the chain is good.
            Err(TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.check == Check::Chain => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        known.supported_schemes()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Stream<S>;
    type TlsConnect = Dial;
    type Error = Infallible;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Dial, Self::Error> {
        // This is asked for a socket in a folder too, which has no name and will speak no TLS.
        let name = ServerName::try_from(domain.to_owned()).ok();
        Ok(Dial(TlsConnector::from(Arc::clone(&self.0)), name))
    }
}

/// Shakes hands once.
pub(super) struct Dial(TlsConnector, Option<ServerName<'static>>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Dial {
    type Stream = Stream<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        let Self(connector, name) = self;
        Box::pin(async move {
            let name = name.ok_or(io::ErrorKind::InvalidInput)?;
            Ok(Stream(connector.connect(name, stream).await?))
        })
    }
}

/// A connection with TLS.
pub(super) struct Stream<S>(client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Stream<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use postgres::config::SslMode;

    use super::*;

    fn mode(url: &str) -> Result<SslMode, String> {
        let read = read(url).map_err(|error| error.to_string())?;
        Ok(read.0.get_ssl_mode())
    }

    #[test]
    fn what_an_address_says_of_tls_is_read() {
        assert_eq!(mode("postgres://u@h/d"), Ok(SslMode::Prefer));
        assert_eq!(
            mode("postgres://u@h/d?sslmode=require&application_name=x"),
            Ok(SslMode::Require)
        );
        assert_eq!(
            mode("postgres://u@h/d?sslmode=disable&sslrootcert=/none"),
            Ok(SslMode::Disable)
        );
        for (url, why) in [
            ("postgres://u@h/d?sslmode=allow", "verify-full"),
            ("postgres://u@h/d?sslmode=verify-full", "sslrootcert=FILE"),
            (
                "postgres://u@h/d?sslmode=verify-ca&sslrootcert=%2Fno%2ffile",
                "/no/file",
            ),
        ] {
            let told = mode(url).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
        assert_eq!(decoded("a%2Fb%zz%2"), "a/b%zz%2");
    }
}
