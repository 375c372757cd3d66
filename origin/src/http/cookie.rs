//! The cookie of a session. Its name makes browsers keep it to this host and to HTTPS. On a loopback address there is no HTTPS,
//! so there it has another name, which is believed nowhere else.

use axum::http::{HeaderMap, HeaderValue, header};

const NAME: &str = "__Host-skyful";
const LOOPBACK: &str = "skyful";
/// A code has 43; nobody has to look at more.
const VALUE_BYTES: usize = 100;

/// What somebody has, if it can be one.
pub fn read(headers: &HeaderMap) -> Option<String> {
    let name = name(headers);
    let all = headers.get_all(header::COOKIE).iter();
    all.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, value)| *other == name && (1..=VALUE_BYTES).contains(&value.len()))
        .map(|(_, value)| value.to_owned())
}

/// For the answer to whoever signed in; `max_age_secs` of 0 takes it away.
pub fn set(asked: &HeaderMap, code: &str, max_age_secs: i64) -> Option<HeaderValue> {
    let name = name(asked);
    let secure = if name == NAME { "; Secure" } else { "" };
    let text =
        format!("{name}={code}; Path=/; Max-Age={max_age_secs}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).ok()
}

fn name(headers: &HeaderMap) -> &'static str {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let encrypted = text("x-forwarded-proto").is_some_and(|proto| proto == "https");
    if !encrypted && text("host").is_some_and(loopback) {
        LOOPBACK
    } else {
        NAME
    }
}

fn loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    let name = name.unwrap_or_default();
    let address = name.parse::<std::net::IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                let name = header::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn off_the_loopback_a_cookie_is_for_https_on_this_host_only() {
        for (host, proto, wanted) in [
            (
                "skyful.example",
                "",
                "__Host-skyful=c; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            ),
            (
                "localhost:8080",
                "",
                "skyful=c; Path=/; Max-Age=9; HttpOnly; SameSite=Lax",
            ),
            (
                "localhost:8080",
                "https",
                "__Host-skyful=c; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure",
            ),
        ] {
            let asked = headers(&[("host", host), ("x-forwarded-proto", proto)]);
            assert_eq!(set(&asked, "c", 9).unwrap(), wanted);
        }
        for (host, wanted) in [
            ("127.0.0.1:1", true),
            ("[::1]:8080", true),
            ("LOCALHOST", true),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(loopback(host), wanted, "{host}");
        }
    }

    #[test]
    fn the_loopback_cookie_is_believed_on_the_loopback_only() {
        for (host, cookie, wanted) in [
            ("localhost", "a=b; skyful=c", Some("c")),
            ("localhost", "__Host-skyful=c", None),
            ("skyful.example", "skyful=c", None),
            ("skyful.example", "a=b; __Host-skyful=c", Some("c")),
            ("skyful.example", "__Host-skyful=", None),
        ] {
            let asked = headers(&[("host", host), ("cookie", cookie)]);
            assert_eq!(read(&asked).as_deref(), wanted, "{host} {cookie}");
        }
    }
}
