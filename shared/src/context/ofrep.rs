//! The context of an OpenFeature Remote Evaluation request: one flat object, in which a few names mean what this
//! product has fields for. What else stands beside it is for later versions of that protocol, and ignored.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::json::{Object, fact, optional_text, parse, text_of};
use super::{BadRequest, Context};
use crate::limits;

/// Where the context stands in the body.
const CONTEXT: &str = "/context";

impl<'a> Context<'a> {
    /// From the body of `POST /ofrep/v1/evaluate/flags`: `{"context":{"targetingKey":…,"locale":…,"device":…,…}}`, all
    /// other names being attributes. A mistake outside the context has an empty place: it is one of writing, not of
    /// meaning.
    pub fn from_ofrep(body: &'a [u8]) -> Result<Self, BadRequest> {
        if body.len() > limits::REQUEST_BYTES {
            let message = format!("a request is at most {} bytes", limits::REQUEST_BYTES);
            return Err(BadRequest::new("", message));
        }
        let mut context = Self::default();
        let fields: Object<'a> = parse(text_of(body)?, "")?;
        let given = fields.0.into_iter().find(|(name, _)| name == "context");
        // Also `null`: some clients send that for a context that was never set.
        let Some((_, raw)) = given.filter(|(_, raw)| raw.get() != "null") else {
            return Ok(context);
        };
        for (name, raw) in parse::<Object<'a>>(raw.get(), CONTEXT)?.0 {
            let place = format!("{CONTEXT}/{name}");
            match &*name {
                "targetingKey" => context.unit = optional_text(raw, &place)?,
                "device" => context.device = optional_text(raw, &place)?,
                "locale" => context.locale = optional_text(raw, &place)?,
                _ => {
                    let fact = fact(raw, &place)?;
                    context.attributes.push((name, fact));
                }
            }
        }
        context.limited().map_err(|error| BadRequest {
            place: placed(&error.place),
            ..error
        })
    }

    /// From a JSON object of attributes alone, whoever said them.
    pub fn of_attributes(object: &'a str) -> Result<Self, BadRequest> {
        let mut context = Self::default();
        for (name, raw) in parse::<Object<'a>>(object, "/attributes")?.0 {
            let fact = fact(raw, "/attributes")?;
            context.attributes.push((name, fact));
        }
        context.limited()
    }
}

/// Where the client wrote what a context calls otherwise.
fn placed(place: &str) -> String {
    let name = match place.strip_prefix("/attributes") {
        Some(rest) => Cow::Borrowed(rest),
        None if place == "/unit" => Cow::Borrowed("/targetingKey"),
        None => Cow::Borrowed(place),
    };
    format!("{CONTEXT}{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Context<'_>, BadRequest> {
        Context::from_ofrep(body.as_bytes())
    }

    #[test]
    fn names_of_the_product_have_their_meaning_and_all_others_are_attributes() {
        let body = r#"{"context":{"targetingKey":"u-1","locale":"zh-HK","device":"d-9","age":67.0,
            "vip":true,"tags":["a","b"],"home":{"zip":1},"unit":"x"},"later":[1]}"#;
        let context = read(body).expect("a context");
        let same = r#"{"unit":"u-1","locale":"zh-HK","device":"d-9","attributes":{"age":67.0,"vip":true,
            "tags":["a","b"],"home":{"zip":1},"unit":"x"}}"#;
        let same = Context::from_json(same.as_bytes()).expect("a context");
        assert_eq!(context, same);
        assert_eq!(context.fingerprint(), same.fingerprint());
    }

    #[test]
    fn nothing_said_is_nobody() {
        for body in [
            "{}",
            r#"{"context":{}}"#,
            r#"{"context":null}"#,
            r#"{"context":{"targetingKey":"","locale":null}}"#,
        ] {
            assert_eq!(read(body), Ok(Context::default()), "{body}");
        }
    }

    #[test]
    fn a_mistake_is_one_of_writing_or_one_of_meaning() {
        let long = format!(
            r#"{{"context":{{"targetingKey":"{}"}}}}"#,
            "x".repeat(limits::UNIT_BYTES + 1)
        );
        let many: Vec<_> = (0..=limits::REQUEST_ATTRIBUTES)
            .map(|i| format!("\"a{i}\":1"))
            .collect();
        let many = format!(r#"{{"context":{{{}}}}}"#, many.join(","));
        for (body, place) in [
            ("", ""),
            ("{", ""),
            ("[]", ""),
            (r#"{"context":{},"context":{}}"#, ""),
            (r#"{"context":[]}"#, "/context"),
            (r#"{"context":"u"}"#, "/context"),
            (r#"{"context":{"a":1,"a":2}}"#, "/context"),
            (r#"{"context":{"targetingKey":7}}"#, "/context/targetingKey"),
            (r#"{"context":{"locale":["en"]}}"#, "/context/locale"),
            (r#"{"context":{"a":"\ud800"}}"#, "/context/a"),
            (&long, "/context/targetingKey"),
            (&many, "/context"),
        ] {
            let error = read(body).expect_err(body);
            assert_eq!(error.place, place, "{body}: {}", error.message);
        }
    }
}
