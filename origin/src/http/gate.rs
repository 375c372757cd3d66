//! Stands before all routes: turns a cookie or a token into whoever asks, and refuses what another site may have made a browser
//! send. What somebody may do is decided behind it.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::cookie;
use crate::app::access::Actor;
use crate::app::people::Client;
use crate::app::people::known::Shown;
use crate::app::{App, Error, Reached};

/// What no form and no link can send.
const ASKED: &str = "x-skyful";
const FETCH_SITE: &str = "sec-fetch-site";
const FORWARDED_FOR: &str = "x-forwarded-for";

pub async fn gate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let client = client(&request, app.reached.proxies);
    let public = app.reached.public_url.as_deref();
    if public.is_some_and(|url| url.starts_with("https://")) {
        // Proxies on this machine often ask for a loopback address, and don't say what they were asked.
        let https = HeaderValue::from_static("https");
        request.headers_mut().insert("x-forwarded-proto", https);
    }
    request.extensions_mut().insert(client);
    // Nothing from outside can be in here: whoever calls from within this process has said who it is.
    if request.extensions().get::<Actor>().is_none() {
        let headers = request.headers();
        let bearer = bearer(headers)?;
        let cookie = cookie::read(headers);
        let known = match (bearer, &cookie) {
            (Some(token), _) => {
                let known = app.known(Shown::Token(token)).await?;
                Some(known.ok_or(Error::UnknownToken)?)
            }
            (None, Some(code)) => app.known(Shown::Session(code)).await?,
            (None, None) => None,
        };
        if bearer.is_none() && !request.method().is_safe() {
            let signed_in = known.is_some();
            same_site(request.headers(), signed_in, &app.reached)?;
        }
        if let Some(actor) = known {
            request.extensions_mut().insert(actor);
        }
    }
    Ok(next.run(request).await)
}

/// A token can't be sent by another site, so only what comes without one is asked. `Origin` is sent by every browser with
/// every change; programs that sign in with a password have none and hold no cookie of somebody else.
fn same_site(headers: &HeaderMap, signed_in: bool, reached: &Reached) -> Result<(), Error> {
    if !headers.contains_key(ASKED) {
        return Err(Error::Forged("the header `X-Skyful` is missing"));
    }
    let text = |name: &str| Some(headers.get(name)?.to_str().unwrap_or("null"));
    match (text("origin"), text(FETCH_SITE)) {
        (Some(origin), _) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            let here = host.is_some() && host == text("host");
            // A proxy may have put another name into `Host`.
            let public = reached.public_url.as_deref();
            let public = public.map(|url| url.trim_end_matches('/'));
            if !here && public != Some(origin) {
                return Err(Error::Forged("the `Origin` is not this server"));
            }
            Ok(())
        }
        (None, Some("same-origin")) => Ok(()),
        (None, Some(_)) => Err(Error::Forged("the request comes from another site")),
        (None, None) if signed_in => Err(Error::Forged("the `Origin` is missing")),
        (None, None) => Ok(()),
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| Error::Unauthenticated)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Error::Unauthenticated),
    }
}

/// Where a request comes from: what the last proxy that is trusted was told, counted from this end, since all before it can be
/// made up.
fn client(request: &Request, proxies: usize) -> Client {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let headers = request.headers();
    let forwarded = headers.get_all(FORWARDED_FOR).iter();
    let forwarded: Vec<&str> = forwarded
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let told = forwarded.len().checked_sub(proxies).filter(|_| proxies > 0);
    let told = told.and_then(|place| forwarded.get(place)?.trim().parse().ok());
    let agent = headers.get(header::USER_AGENT);
    Client {
        address: told.or(peer).map(network).unwrap_or_default(),
        agent: agent
            .and_then(|agent| agent.to_str().ok())
            .unwrap_or_default()
            .to_owned(),
    }
}

/// One IPv6 customer has at least a /64, and could try from each of its addresses.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let high = u128::from(address) >> 64 << 64;
            format!("{}/64", std::net::Ipv6Addr::from(high))
        }
        address => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &str, proxies: usize) -> String {
        let mut request = Request::new(axum::body::Body::empty());
        let peer: SocketAddr = peer.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        if !forwarded.is_empty() {
            let value = forwarded.parse().unwrap();
            request.headers_mut().insert(FORWARDED_FOR, value);
        }
        client(&request, proxies).address
    }

    #[test]
    fn only_what_a_trusted_proxy_adds_is_believed() {
        assert_eq!(from("10.0.0.1:1", "", 0), "10.0.0.1");
        assert_eq!(from("10.0.0.1:1", "1.1.1.1", 0), "10.0.0.1");
        assert_eq!(from("10.0.0.1:1", "6.6.6.6, 1.1.1.1", 1), "1.1.1.1");
        assert_eq!(
            from("10.0.0.1:1", "6.6.6.6, 1.1.1.1, 10.0.0.2", 2),
            "1.1.1.1"
        );
        assert_eq!(from("10.0.0.1:1", "1.1.1.1", 2), "10.0.0.1");
        assert_eq!(from("10.0.0.1:1", "nonsense", 1), "10.0.0.1");
        assert_eq!(from("[2001:db8::1:2:3:4]:1", "", 0), "2001:db8::/64");
        assert_eq!(from("[::ffff:10.0.0.1]:1", "", 0), "10.0.0.1");
    }
}
