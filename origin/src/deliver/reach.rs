//! Where the origin connects to. Whoever administers a workspace names the targets, and could have it knock at doors that only
//! this machine and its neighbours can reach: metadata of the cloud, databases, routers. What counts is the address that is
//! connected to, since a name may lead anywhere by then.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use skyful::value::network::{Network, address};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// How whoever runs the origin lets it in.
pub const HINT: &str = "whoever runs the origin may allow an inner address or name: `skyful serve --deliver-inside 10.1.2.3`";

const INSIDE: &str = "is inside, where this origin delivers nothing";

/// Addresses that may be connected to: public ones, and those inside that were named.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    everywhere: bool,
    networks: Vec<Network>,
    /// Names that may lead inside.
    names: Vec<String>,
}

/// An address that isn't in reach.
#[derive(Debug)]
struct Inside(String);

impl std::error::Error for Inside {}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {INSIDE}", self.0)
    }
}

impl Reach {
    /// Of somebody who connects for themselves.
    pub fn everywhere() -> Self {
        Self {
            everywhere: true,
            ..Self::default()
        }
    }

    /// Networks, addresses and names that are allowed beside public addresses.
    pub fn and(allowed: &[String]) -> Result<Self, String> {
        let mut reach = Self::default();
        for text in allowed {
            let text = text.trim();
            if text.contains('/') {
                let network = Network::parse(text);
                reach
                    .networks
                    .push(network.map_err(|why| format!("`{text}`: {why}"))?);
            } else if let Ok(ip) = bare(text).parse::<IpAddr>() {
                let bits = if ip.is_ipv4() { 32 } else { 128 };
                let network = Network::parse(&format!("{ip}/{bits}"));
                reach
                    .networks
                    .push(network.map_err(|why| format!("`{text}`: {why}"))?);
            } else if named(text) {
                reach.names.push(text.to_ascii_lowercase());
            } else {
                return Err(format!("`{text}` is no network, address or name"));
            }
        }
        Ok(reach)
    }

    /// What a machine reaches by itself, for an origin that only it reaches.
    pub fn with_loopback(mut self) -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        let loopback = loopback.iter().filter_map(|text| Network::parse(text).ok());
        self.networks.extend(loopback);
        self
    }

    /// Whether a host that was looked up may be connected to at this address.
    pub fn allows(&self, host: &str, ip: IpAddr) -> bool {
        let host = host.trim_end_matches('.');
        self.everywhere
            || public(ip)
            || self
                .names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(host))
            || address(&ip.to_string())
                .is_some_and(|ip| self.networks.iter().any(|network| network.contains(ip)))
    }

    /// What is written as an address can be told before anybody connects.
    pub fn allows_written(&self, host: &str) -> bool {
        let ip = bare(host).parse::<IpAddr>();
        ip.map_or(true, |ip| self.allows(host, ip))
    }

    /// What a name leads to and may be connected to.
    pub fn within(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> io::Result<Vec<SocketAddr>> {
        let mut refused = None;
        let mut allowed = Vec::new();
        for found in found {
            match self.allows(bare(host), found.ip()) {
                true => allowed.push(found),
                false => refused = Some(found.ip()),
            }
        }
        match refused {
            Some(ip) if allowed.is_empty() => Err(refusal(host, ip)),
            _ => Ok(allowed),
        }
    }
}

fn refusal(host: &str, ip: IpAddr) -> io::Error {
    let what = match bare(host).parse::<IpAddr>() {
        Ok(_) => ip.to_string(),
        Err(_) => format!("{host} leads to {ip}, which"),
    };
    io::Error::new(io::ErrorKind::PermissionDenied, Inside(what))
}

/// Whether it was not in reach, which no other attempt changes.
pub fn refused(error: &io::Error) -> bool {
    error
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Inside>)
}

/// The same of what was only told on.
pub fn told(text: &str) -> bool {
    text.ends_with(INSIDE)
}

/// Looks names up as always, and keeps of what is found what is in reach.
#[derive(Debug)]
pub struct Bounded {
    pub reach: Reach,
    pub inner: DefaultResolver,
}

impl Resolver for Bounded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        let host = uri.host().unwrap_or_default();
        let allowed = self.reach.within(host, found.iter().copied())?;
        let mut kept = self.empty();
        for one in allowed {
            kept.push(one);
        }
        Ok(kept)
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn named(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    !text.is_empty()
        && text.bytes().all(fits)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Addresses of the internet: all but what IANA keeps for something else. Forms of IPv6 that carry an address of IPv4 are as
/// public as that.
fn public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => public_v4(ip),
        IpAddr::V6(ip) => public_v6(ip),
    }
}

fn public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a, b, c) == (192, 88, 99)
        || (a == 198 && (18..20).contains(&b)))
}

fn public_v6(ip: Ipv6Addr) -> bool {
    let parts = ip.segments();
    let carried = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match parts {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => carried(high, low),
        [0x2002, high, low, ..] => carried(high, low),
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => false,
        [0x3fff, second, ..] if second < 0x1000 => false,
        [first, ..] => first >> 13 == 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(reach: &Reach, host: &str) -> bool {
        reach.allows(host, bare(host).parse().expect("an address"))
    }

    const INNER: [&str; 26] = [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:169.254.169.254",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001::1",
        "2001:db8::1",
    ];

    #[test]
    fn nothing_inside_is_in_reach_unless_it_was_named() {
        let outside = Reach::default();
        for host in INNER {
            assert!(!allows(&outside, host), "{host}");
            assert!(!outside.allows_written(host), "{host}");
            assert!(allows(&Reach::everywhere(), host), "{host}");
        }
        for host in [
            "1.1.1.1",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(allows(&outside, host), "{host}");
        }
        let some = ["10.1.0.0/16", "192.168.1.7", "fd00::/8", "Redis.internal"];
        let some = Reach::and(&some.map(str::to_owned)).unwrap();
        for host in ["10.1.2.3", "192.168.1.7", "fd00::1", "::ffff:10.1.2.3"] {
            assert!(allows(&some, host), "{host}");
        }
        for host in ["10.2.0.1", "192.168.1.8", "127.0.0.1", "169.254.169.254"] {
            assert!(!allows(&some, host), "{host}");
        }
        let inner: IpAddr = "10.9.9.9".parse().unwrap();
        assert!(some.allows("redis.internal", inner) && some.allows("REDIS.internal.", inner));
        assert!(!some.allows("redis.internal.example", inner));
        let loopback = Reach::default().with_loopback();
        assert!(allows(&loopback, "127.0.0.1") && allows(&loopback, "::1"));
        assert!(!allows(&loopback, "169.254.169.254") && !allows(&loopback, "0.0.0.0"));
        for wrong in ["", "10.0.0.0/33", "10.0.0.1/8", "a b", "http://x", "1.2.3"] {
            assert!(Reach::and(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_name_that_leads_inside_is_told_by_where_it_leads() {
        let to = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 443);
        let reach = Reach::default();
        let both = reach.within("edge.example", [to("10.0.0.1"), to("1.1.1.1")].into_iter());
        assert_eq!(both.unwrap(), [to("1.1.1.1")]);
        let none = reach.within("rebound.example", [to("169.254.169.254")].into_iter());
        let error = none.unwrap_err();
        assert!(refused(&error));
        let told = "rebound.example leads to 169.254.169.254, which is inside, where this origin delivers nothing";
        assert_eq!(error.to_string(), told);
    }
}
