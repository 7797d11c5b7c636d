//! The connection under a request: name, address, TLS.
//!
//! Owns the one place where an address is let through.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use super::{Fault, FaultKind, Outbound, Settings, words};
use crate::model::special_addresses::special_use;

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// A connection, with TLS or without.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Settings {
    /// Lets an address pass, or says what it is for.
    fn check(&self, address: IpAddr) -> Result<(), &'static str> {
        match special_use(address) {
            Some(_) if self.allowed_networks.iter().any(|network| network.contains(address)) => Ok(()),
            Some(what) => Err(what),
            None => Ok(()),
        }
    }
}

impl Outbound {
    pub(super) async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, Fault> {
        let stream = self.connect_plain(url).await?;
        if url.scheme() != "https" {
            return Ok(Box::new(stream));
        }
        let tls = self.0.tls.get_or_try_init(|| prepare(&self.0.settings)).await?;
        let name = match url.host() {
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).ok(),
            Some(Host::Ipv4(address)) => Some(ServerName::from(IpAddr::V4(address))),
            Some(Host::Ipv6(address)) => Some(ServerName::from(IpAddr::V6(address))),
            None => None,
        };
        let name = name.ok_or_else(|| FaultKind::Insecure.because("no name to prove"))?;
        let protected = tls.connect(name, stream).await;
        Ok(Box::new(protected.map_err(|error| FaultKind::Insecure.because(words(&error)))?))
    }

    async fn connect_plain(&self, url: &Url) -> Result<TcpStream, Fault> {
        let settings = &self.0.settings;
        let port = url.port_or_known_default().unwrap_or_default();
        let mut addresses: Vec<SocketAddr> = match url.host() {
            Some(Host::Ipv4(address)) => vec![(address, port).into()],
            Some(Host::Ipv6(address)) => vec![(address, port).into()],
            Some(Host::Domain(name)) => {
                let found = lookup_host((name, port)).await;
                found.map_err(|error| FaultKind::Unknown.because(words(&error)))?.collect()
            }
            None => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(FaultKind::Unknown.because("no address"));
        }
        let mut refused = Vec::new();
        addresses.retain(|address| {
            let verdict = settings.check(address.ip());
            verdict.map_err(|what| refused.push(format!("{} ({what})", address.ip()))).is_ok()
        });
        let mut fault = FaultKind::Refused.because(refused.join(", "));
        for address in addresses.into_iter().take(MAX_ADDRESSES) {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // What we are connected to, whatever was asked for.
                    let peer = stream.peer_addr().map_err(|error| FaultKind::Unreachable.because(words(&error)))?;
                    settings.check(peer.ip()).map_err(|what| FaultKind::Refused.because(format!("{peer} ({what})")))?;
                    return Ok(stream);
                }
                Err(error) => fault = FaultKind::Unreachable.because(format!("{address}: {error}")),
            }
        }
        Err(fault)
    }
}

/// Reads the certificates that are trusted, once.
async fn prepare(settings: &Settings) -> Result<TlsConnector, Fault> {
    let ca_file = settings.ca_file.clone();
    let made = tokio::task::spawn_blocking(move || read_roots(ca_file.as_deref())).await;
    let roots = made
        .map_err(|error| FaultKind::Insecure.because(words(&error)))?
        .map_err(|why| FaultKind::Insecure.because(why))?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| FaultKind::Insecure.because(words(&error)))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn read_roots(ca_file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // Some of a system's certificates may be unreadable; the others do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let failed =
            |error: &dyn std::fmt::Display| format!("outbound.ca_file {} cannot be used: {error}", path.display());
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))? {
            let certificate = certificate.map_err(|error| failed(&error))?;
            roots.add(certificate).map_err(|error| failed(&error))?;
        }
    }
    Ok(roots)
}
