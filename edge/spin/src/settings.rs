//! A component's variables. What they mean is read by the core; here stand their names, what this platform
//! takes where nothing is said, and where a client's address is found.

use std::net::{IpAddr, SocketAddr};

use skyful_edge::settings::{self, Defaults, Setting};
use skyful_edge::{CapMode, Edge};

const DEFAULTS: Defaults = Defaults {
    recheck_ms: 1_000,
    // Nothing runs behind an answer here, so whatever is due is looked at before it.
    wait_ms: None,
    // Twice the time that a replicated store is given to reach its readers.
    settle_ms: 600_000,
    // An instance has 128 MiB on the hosted platform. A request needs a few of them beside the cache.
    cache_bytes: 32 << 20,
    cap_stores: &[],
};
/// The variable that names the header with the client's address.
pub const CLIENT_IP: &str = "client_ip";
/// The variables that name where events are counted, and what is wanted there.
pub const COLLECTOR: &str = "collector";
pub const COLLECTOR_TOKEN: &str = "collector_token";
/// The variable that says of how many reports one is sent.
pub const REPORT_ONE_IN: &str = "report_one_in";
/// Spin sets it from the connection, over whatever a client sends.
const CLIENT_IP_HEADER: &str = "spin-client-addr";

pub struct Settings {
    pub edge: Edge,
    /// The header from which the client's address is taken, in lower case.
    pub client_ip: String,
    pub collector: Option<Collector>,
    /// 0: none.
    pub report_one_in: u32,
}

/// Where events are counted.
pub struct Collector {
    /// Without the path, and without a slash at its end.
    pub url: String,
    pub token: String,
}

/// The variable that makes no edge, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub variable: &'static str,
    pub why: &'static str,
}

impl Settings {
    /// `value` gives the text of a variable, `None` if it isn't set.
    pub fn read<'a>(
        value: impl Fn(&str) -> Option<&'a str>,
        cap_stores: &'static [CapMode],
    ) -> Result<Self, Wrong> {
        let defaults = Defaults {
            cap_stores,
            ..DEFAULTS
        };
        let edge = settings::edge(|setting| value(name(setting)), defaults);
        let edge = edge.map_err(|wrong| Wrong {
            variable: name(wrong.setting),
            why: wrong.why,
        })?;
        let client_ip = value(CLIENT_IP).map(str::trim);
        let client_ip = client_ip.filter(|text| !text.is_empty());
        let client_ip = client_ip.unwrap_or(CLIENT_IP_HEADER);
        if !client_ip
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return Err(Wrong {
                variable: CLIENT_IP,
                why: "it is not the name of a header",
            });
        }
        let report_one_in = settings::report_one_in(value(REPORT_ONE_IN)).map_err(|why| Wrong {
            variable: REPORT_ONE_IN,
            why,
        })?;
        Ok(Self {
            edge,
            report_one_in,
            client_ip: client_ip.to_ascii_lowercase(),
            collector: collector(&value)?,
        })
    }
}

/// None: this edge takes no events.
fn collector<'a>(value: &impl Fn(&str) -> Option<&'a str>) -> Result<Option<Collector>, Wrong> {
    let text = |name| value(name).map(str::trim).filter(|text| !text.is_empty());
    // No such host can exist (RFC 2606): what `spin.toml` says where there is no collector.
    let named = text(COLLECTOR).filter(|url| !url.ends_with(".invalid"));
    let Some(url) = named else {
        return Ok(None);
    };
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(Wrong {
            variable: COLLECTOR,
            why: "it is not an http or https address",
        });
    }
    Ok(Some(Collector {
        url: url.trim_end_matches('/').to_owned(),
        token: text(COLLECTOR_TOKEN).unwrap_or_default().to_owned(),
    }))
}

/// As `spin.toml` declares it.
pub fn name(setting: Setting) -> &'static str {
    match setting {
        Setting::Workspace => "workspace",
        Setting::Env => "env",
        Setting::Trust => "trust",
        Setting::Preview => "preview",
        Setting::Cors => "cors",
        Setting::RecheckMs => "recheck_ms",
        Setting::SettleMs => "settle_ms",
        Setting::Secret => "secret",
        Setting::Caps => "caps",
        Setting::ContextKeys => "context_keys",
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

    fn header(said: Option<&'static str>) -> Result<String, Wrong> {
        let value = |name: &str| match name {
            "workspace" | "env" => Some("wallet"),
            "trust" => Some(KEY),
            CLIENT_IP => said,
            _ => None,
        };
        Settings::read(value, &[]).map(|settings| settings.client_ip)
    }

    #[test]
    fn the_address_comes_from_spin_unless_a_header_is_named() {
        for nothing in [None, Some(" ")] {
            assert_eq!(header(nothing).as_deref(), Ok("spin-client-addr"));
        }
        assert_eq!(
            header(Some("True-Client-IP")).as_deref(),
            Ok("true-client-ip")
        );
        assert_eq!(
            header(Some("a b")).map_err(|wrong| wrong.variable),
            Err(CLIENT_IP)
        );
    }

    #[test]
    fn a_collector_is_an_address_or_there_is_none() {
        let read = |said: &'static str| {
            let value = |name: &str| match name {
                "workspace" | "env" => Some("wallet"),
                "trust" => Some(KEY),
                COLLECTOR => Some(said),
                COLLECTOR_TOKEN => Some(" token "),
                _ => None,
            };
            Settings::read(value, &[]).map(|settings| settings.collector)
        };
        for none in [" ", "https://collector.invalid"] {
            assert!(read(none).is_ok_and(|collector| collector.is_none()));
        }
        let collector = read("https://count.example/").ok().flatten().unwrap();
        assert_eq!(collector.url, "https://count.example");
        assert_eq!(collector.token, "token");
        assert!(read("count.example").is_err_and(|wrong| wrong.variable == COLLECTOR));
    }

    #[test]
    fn of_reports_all_are_sent_unless_fewer_are_asked_for() {
        let read = |said: Option<&'static str>| {
            let value = |name: &str| match name {
                "workspace" | "env" => Some("wallet"),
                "trust" => Some(KEY),
                REPORT_ONE_IN => said,
                _ => None,
            };
            Settings::read(value, &[]).map(|settings| settings.report_one_in)
        };
        for (said, one_in) in [
            (None, 1),
            (Some(" "), 1),
            (Some("0"), 0),
            (Some(" 20 "), 20),
        ] {
            assert_eq!(read(said), Ok(one_in));
        }
        for wrong in ["-1", "1000001", "1/10"] {
            assert!(read(Some(wrong)).is_err_and(|wrong| wrong.variable == REPORT_ONE_IN));
        }
    }

    #[test]
    fn caps_are_counted_in_a_store_only_where_one_is_granted() {
        let value = |name: &str| match name {
            "workspace" | "env" => Some("wallet"),
            "trust" => Some(KEY),
            "caps" => Some("approximate"),
            _ => None,
        };
        let refused = Settings::read(value, &[]).err().map(|wrong| wrong.variable);
        assert_eq!(refused, Some("caps"));
        assert!(Settings::read(value, &[CapMode::Approximate]).is_ok());
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
