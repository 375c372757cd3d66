//! What a deployment says by its Spin variables. Takes texts, gives settings or the variable that is
//! wrong, whose value is never repeated: it would reach logs and clients.

use std::net::{IpAddr, SocketAddr};

use skyful::manifest::TrustSet;
use skyful_edge::{Config, ConfigError, Edge};

/// Every variable that is read. `spin.toml` declares the same ones.
pub const NAMES: [&str; 8] = [
    "workspace",
    "env",
    "trust",
    "preview",
    "cors",
    "recheck_ms",
    "settle_ms",
    "client_ip",
];

/// An instance has 128 MiB on the hosted platform. A request needs a few of them beside the cache.
const CACHE_BYTES: usize = 32 << 20;
/// The longest time that makes sense: beyond it a rollback would seem not to work.
const MILLIS_MAX: i64 = 3_600_000;
/// Twice the time that a replicated store is given to reach its readers.
const SETTLE_MS: i64 = 600_000;
/// Spin sets it from the connection, over whatever a client sends.
const CLIENT_IP: &str = "spin-client-addr";

pub struct Settings {
    pub edge: Edge,
    /// The header from which the client's address is taken, in lower case.
    pub client_ip: String,
}

/// The variable that makes no edge, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub variable: &'static str,
    pub why: &'static str,
}

impl Settings {
    /// `value` gives the text of one of [`NAMES`], `None` if it isn't set.
    pub fn read<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Result<Self, Wrong> {
        // An empty value is how a manifest says "nothing", since every variable there has one.
        let value = |name| value(name).map(str::trim).filter(|text| !text.is_empty());
        let required = |variable| {
            value(variable).ok_or(Wrong {
                variable,
                why: "it is not set",
            })
        };
        let trust = TrustSet::parse(required("trust")?).map_err(|_| Wrong {
            variable: "trust",
            why: "it is not a list of Ed25519 public keys in hex",
        })?;
        let mut config = Config::new(required("workspace")?, required("env")?, trust);
        config.preview = match value("preview") {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                return Err(Wrong {
                    variable: "preview",
                    why: "it is neither true nor false",
                });
            }
        };
        let origins = value("cors").unwrap_or_default().split([',', ' ']);
        config.cors = origins
            .filter(|origin| !origin.is_empty())
            .map(str::to_owned)
            .collect();
        let millis = |variable, default| match value(variable) {
            None => Ok(default),
            Some(text) => text
                .parse()
                .ok()
                .filter(|millis| (0..=MILLIS_MAX).contains(millis))
                .ok_or(Wrong {
                    variable,
                    why: "it is not a number of milliseconds from 0 to 3600000",
                }),
        };
        config.recheck_ms = millis("recheck_ms", config.recheck_ms)?;
        config.settle_ms = millis("settle_ms", SETTLE_MS)?;
        // Nothing runs behind an answer here, so whatever is due is looked at before it.
        config.wait_ms = config.recheck_ms;
        config.cache_bytes = CACHE_BYTES;
        let client_ip = value("client_ip").unwrap_or(CLIENT_IP);
        if !client_ip
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(Wrong {
                variable: "client_ip",
                why: "it is not the name of a header",
            });
        }
        let edge = Edge::new(config).map_err(|error| match error {
            ConfigError::Workspace => Wrong {
                variable: "workspace",
                why: "it is not 1 to 40 of a-z, 0-9 and -",
            },
            ConfigError::Env => Wrong {
                variable: "env",
                why: "it is not 1 to 40 of a-z, 0-9 and -",
            },
            ConfigError::NoKey => Wrong {
                variable: "trust",
                why: "it names no public key",
            },
        })?;
        Ok(Self {
            edge,
            client_ip: client_ip.to_ascii_lowercase(),
        })
    }
}

/// An address as rules compare it. Headers have it with a port or without; a header that was sent twice
/// is joined by then and is no address.
pub fn client_ip(header: &str) -> Option<String> {
    let socket = header.parse().map(|address: SocketAddr| address.ip());
    let ip: IpAddr = socket.or_else(|_| header.parse()).ok()?;
    Some(ip.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a well-known test vector; nobody signs with it.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn read(given: &[(&str, &str)]) -> Result<Settings, Wrong> {
        let usual = [("workspace", "wallet"), ("env", "prod"), ("trust", KEY)];
        Settings::read(|name| {
            let of = |list: &[(&str, &'static str)]| {
                let found = list.iter().find(|(given, _)| *given == name);
                found.map(|(_, value)| *value)
            };
            let said = given.iter().find(|(given, _)| *given == name);
            said.map(|(_, value)| value.to_string().leak() as &str)
                .or_else(|| of(&usual))
        })
    }

    fn wrong(given: &[(&str, &str)]) -> String {
        match read(given) {
            Ok(_) => panic!("accepted {given:?}"),
            Err(wrong) => format!("{}: {}", wrong.variable, wrong.why),
        }
    }

    #[test]
    fn a_key_a_workspace_and_an_environment_are_enough() {
        let settings = read(&[("cors", ""), ("preview", ""), ("recheck_ms", "")]).unwrap();
        let config = settings.edge.config();
        assert_eq!(
            (&*config.workspace, &*config.env, config.preview),
            ("wallet", "prod", false)
        );
        assert_eq!((config.recheck_ms, config.wait_ms), (1_000, 1_000));
        assert_eq!(config.settle_ms, 600_000);
        assert!(config.cors.is_empty());
        assert_eq!(settings.client_ip, "spin-client-addr");
    }

    #[test]
    fn everything_else_can_be_said() {
        let settings = read(&[
            ("cors", "https://a.example, https://b.example"),
            ("preview", "true"),
            ("recheck_ms", "0"),
            ("client_ip", "True-Client-IP"),
        ])
        .unwrap();
        let config = settings.edge.config();
        assert_eq!(config.cors, ["https://a.example", "https://b.example"]);
        assert!(config.preview);
        assert_eq!((config.recheck_ms, config.wait_ms), (0, 0));
        assert_eq!(settings.client_ip, "true-client-ip");
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        let cases = [
            ("trust", "", "trust: it is not set"),
            (
                "trust",
                "abc",
                "trust: it is not a list of Ed25519 public keys in hex",
            ),
            ("trust", ",", "trust: it names no public key"),
            ("workspace", " ", "workspace: it is not set"),
            (
                "workspace",
                "A b",
                "workspace: it is not 1 to 40 of a-z, 0-9 and -",
            ),
            ("env", "x/y", "env: it is not 1 to 40 of a-z, 0-9 and -"),
            ("preview", "yes", "preview: it is neither true nor false"),
            (
                "recheck_ms",
                "-1",
                "recheck_ms: it is not a number of milliseconds from 0 to 3600000",
            ),
            (
                "client_ip",
                "a b",
                "client_ip: it is not the name of a header",
            ),
        ];
        for (name, value, expected) in cases {
            assert_eq!(wrong(&[(name, value)]), expected);
        }
    }

    #[test]
    fn addresses_come_with_a_port_or_without() {
        let cases = [
            ("127.0.0.1:53152", Some("127.0.0.1")),
            ("[::ffff:10.0.0.7]:80", Some("10.0.0.7")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("10.0.0.7, 10.0.0.8", None),
            ("unknown", None),
        ];
        for (header, expected) in cases {
            assert_eq!(client_ip(header).as_deref(), expected, "{header}");
        }
    }
}
