//! IP networks. IPv4-mapped IPv6 counts as IPv4, so that one visitor has one address.

use core::net::{IpAddr, Ipv6Addr};

/// An address as 128 bits, IPv4 in the mapped range.
pub fn address(text: &str) -> Option<u128> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    })
}

/// A network in CIDR notation over the same 128 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    pub first: u128,
    /// 0..=128, counted over 128 bits also for IPv4.
    pub prefix: u8,
}

impl Network {
    /// Fails unless the address is followed by `/prefix` and its host bits are 0.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (ip, prefix) = text
            .split_once('/')
            .ok_or("write a network as address/prefix, for example 10.0.0.0/8")?;
        let digits =
            !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|b| b.is_ascii_digit());
        let prefix: u8 = if digits {
            prefix.parse().map_err(|_| "the prefix is too long")?
        } else {
            return Err("the prefix must be a number");
        };
        let ip: IpAddr = ip.parse().map_err(|_| "not an IP address")?;
        let (first, prefix) = match ip {
            IpAddr::V4(_) if prefix > 32 => return Err("an IPv4 prefix is at most 32"),
            IpAddr::V4(v4) => (v4.to_ipv6_mapped().to_bits(), prefix.saturating_add(96)),
            IpAddr::V6(_) if prefix > 128 => return Err("an IPv6 prefix is at most 128"),
            IpAddr::V6(v6) => (v6.to_bits(), prefix),
        };
        let network = Self { first, prefix };
        if first & !network.mask() == 0 {
            Ok(network)
        } else {
            Err("host bits must be 0")
        }
    }

    /// An IPv4 address is in no IPv6 network, `::/0` included.
    pub fn contains(&self, address: u128) -> bool {
        let v4 = Ipv6Addr::from_bits(address).to_ipv4_mapped().is_some();
        address & self.mask() == self.first && (self.prefix >= 96 || !v4)
    }

    fn mask(&self) -> u128 {
        u128::MAX
            .checked_shl(128_u32.saturating_sub(u32::from(self.prefix)))
            .unwrap_or(0)
    }
}

/// For messages.
impl core::fmt::Display for Network {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let v6 = Ipv6Addr::from_bits(self.first);
        match v6.to_ipv4_mapped() {
            Some(v4) if self.prefix >= 96 => write!(f, "{v4}/{}", self.prefix.saturating_sub(96)),
            _ => write!(f, "{v6}/{}", self.prefix),
        }
    }
}
