//! From where a request comes: the peer's address, or what a trusted proxy says of it.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// What proxies put the addresses in, the nearest one last.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Addresses that may be in it. Longer chains are made up.
const HOPS_MAX: usize = 20;

/// The proxies whose word counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Block>);

/// Addresses with the same beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    address: IpAddr,
    bits: u32,
}

/// From where a request comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address(pub(crate) IpAddr);

impl Address {
    /// Is it this machine, or a proxy on it that nobody said to trust?
    pub(crate) fn is_here(self) -> bool {
        self.0.is_loopback()
    }

    /// Whom it counts for: who has one IPv6 address mostly has 2^64 of them.
    pub(crate) fn network(self) -> Self {
        match self.0 {
            IpAddr::V4(_) => self,
            IpAddr::V6(address) => Self(IpAddr::V6((u128::from(address) >> 64 << 64).into())),
        }
    }
}

impl Proxies {
    /// Reads addresses, or blocks of them such as `10.0.0.0/8`.
    ///
    /// # Errors
    /// The one that is neither.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        let blocks = texts
            .iter()
            .map(|text| block(text).ok_or_else(|| text.clone()));
        blocks.collect::<Result<_, _>>().map(Self)
    }

    /// As they were given.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let blocks = self.0.iter();
        blocks
            .map(|block| format!("{}/{}", block.address, block.bits))
            .collect()
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.holds(address))
    }

    /// From where a request comes, by its peer and its headers. Whoever is not a proxy of ours may write into the
    /// header what they like, so it is read from its end, for as long as the speaker is trusted.
    pub(crate) fn source(&self, peer: SocketAddr, headers: &HeaderMap) -> Address {
        let mut source = peer.ip().to_canonical();
        if !self.trusts(source) {
            return Address(source);
        }
        let values = headers.get_all(FORWARDED_FOR);
        let values = values.iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        for hop in hops.iter().rev().take(HOPS_MAX) {
            let Some(address) = ip(hop) else { break };
            source = address;
            if !self.trusts(source) {
                break;
            }
        }
        Address(source)
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    // Some write the port too.
    let ip = text.parse().ok();
    let ip = ip.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    ip.map(|ip: IpAddr| ip.to_canonical())
}

fn block(text: &str) -> Option<Block> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    (bits <= most).then_some(Block { address, bits })
}

impl Block {
    fn holds(&self, address: IpAddr) -> bool {
        let same = |one: u128, two: u128, all: u32| {
            let rest = all - self.bits;
            one.checked_shr(rest).unwrap_or(0) == two.checked_shr(rest).unwrap_or(0)
        };
        match (self.address, address) {
            (IpAddr::V4(one), IpAddr::V4(two)) => {
                same(u128::from(one.to_bits()), u128::from(two.to_bits()), 32)
            }
            (IpAddr::V6(one), IpAddr::V6(two)) => same(one.to_bits(), two.to_bits(), 128),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn source(trusted: &[&str], peer: &str, forwarded: &[&str]) -> String {
        let trusted: Vec<String> = trusted.iter().map(|text| (*text).to_owned()).collect();
        let proxies = Proxies::parse(&trusted).unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let peer = SocketAddr::new(peer.parse().unwrap(), 1);
        proxies.source(peer, &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(source(&[], "10.0.0.1", &["1.2.3.4"]), "10.0.0.1");
        assert_eq!(source(&["10.0.0.0/8"], "10.0.0.1", &["1.2.3.4"]), "1.2.3.4");
        assert_eq!(
            source(&["10.0.0.0/8"], "11.0.0.1", &["1.2.3.4"]),
            "11.0.0.1"
        );
        // What stands before the address that our proxy saw is whatever the sender likes.
        let forged = ["6.6.6.6, 1.2.3.4", "10.0.0.2"];
        assert_eq!(source(&["10.0.0.0/8"], "10.0.0.1", &forged), "1.2.3.4");
        assert_eq!(
            source(&["10.0.0.1"], "10.0.0.1", &["nonsense, 1.2.3.4:99"]),
            "1.2.3.4"
        );
        assert_eq!(
            source(&["10.0.0.1"], "10.0.0.1", &["1.2.3.4, nonsense"]),
            "10.0.0.1"
        );
        assert_eq!(source(&["::1", "0.0.0.0/0"], "::1", &[]), "::1");
        assert_eq!(
            source(&["127.0.0.1"], "::ffff:127.0.0.1", &["[2001:db8::1]:9"]),
            "2001:db8::1"
        );
    }

    #[test]
    fn what_is_no_block_is_named() {
        for text in [
            "10.0.0.0/33",
            "::/129",
            "localhost",
            "10.0.0.0/",
            "",
            "10.0.0.0/-1",
        ] {
            assert_eq!(Proxies::parse(&[text.to_owned()]), Err(text.to_owned()));
        }
        let v6 = |text: &str| Address(text.parse().unwrap()).network();
        assert_eq!(v6("2001:db8::1"), v6("2001:db8::2"));
        assert_ne!(v6("2001:db8::1"), v6("2001:db8:0:1::1"));
    }
}
