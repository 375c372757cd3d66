//! The entries of the Config Store and the Secret Store. What they mean is read by the core; here stand their names
//! and what this platform takes where nothing is said.

use skyful_edge::settings::{self, Defaults, Setting};
use skyful_edge::{CapMode, Edge};

const DEFAULTS: Defaults = Defaults {
    // An instance answers one request, and that looks.
    recheck_ms: 0,
    // Nothing runs behind an answer.
    wait_ms: None,
    // Replication takes seconds, and nobody says how many at most.
    settle_ms: 600_000,
    // An instance has 128 MB. One request seldom needs more than a chunk and an id shard.
    cache_bytes: 32 << 20,
    cap_stores: &[CapMode::Approximate],
};

/// Entries that are looked for in the Secret Store first, since whoever has an account can read the Config Store.
pub const SECRET: [&str; 3] = ["secret", "context_keys", COLLECTOR_TOKEN];
/// Entries that are this platform's own: where events are counted, and what is wanted there.
const COLLECTOR: &str = "collector";
const COLLECTOR_TOKEN: &str = "collector_token";
/// Of how many reports one is sent.
const REPORT_ONE_IN: &str = "report_one_in";
pub const NO_ADDRESS: Wrong = Wrong {
    entry: COLLECTOR,
    why: "it is not an http or https address",
};

pub struct Settings {
    pub edge: Edge,
    /// None: this edge takes no events.
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

/// The entry that makes no edge, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub entry: &'static str,
    pub why: &'static str,
}

impl Settings {
    /// `value` gives the text of an entry, `None` if there is none. What it can't tell is an error, and not taken as
    /// unset: the default may be the opposite of what was said.
    pub fn read(
        value: impl Fn(&'static str) -> Result<Option<String>, Wrong>,
    ) -> Result<Self, Wrong> {
        let mut given = Vec::new();
        for setting in Setting::ALL {
            given.push((setting, value(name(setting))?));
        }
        let said = |setting| {
            let found = given.iter().find(|(given, _)| *given == setting);
            found.and_then(|(_, text)| text.as_deref())
        };
        let edge = settings::edge(said, DEFAULTS).map_err(|wrong| Wrong {
            entry: name(wrong.setting),
            why: wrong.why,
        })?;
        let one_in = value(REPORT_ONE_IN)?;
        let report_one_in = settings::report_one_in(one_in.as_deref()).map_err(|why| Wrong {
            entry: REPORT_ONE_IN,
            why,
        })?;
        Ok(Self {
            edge,
            report_one_in,
            collector: collector(&value)?,
        })
    }
}

fn collector(
    value: &impl Fn(&'static str) -> Result<Option<String>, Wrong>,
) -> Result<Option<Collector>, Wrong> {
    let text = |entry| Ok(value(entry)?.map_or(String::new(), |text| text.trim().to_owned()));
    let url = text(COLLECTOR)?;
    if url.is_empty() {
        return Ok(None);
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(NO_ADDRESS);
    }
    Ok(Some(Collector {
        url: url.trim_end_matches('/').to_owned(),
        token: text(COLLECTOR_TOKEN)?,
    }))
}

fn name(setting: Setting) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a well-known test vector; nobody signs with it.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn usual(entry: &str) -> Option<String> {
        match entry {
            "workspace" | "env" => Some("wallet".into()),
            "trust" => Some(KEY.into()),
            _ => None,
        }
    }

    #[test]
    fn what_is_not_said_is_this_platforms_default() {
        let Settings {
            edge,
            collector,
            report_one_in,
        } = Settings::read(|entry| Ok(usual(entry))).unwrap();
        assert!(collector.is_none());
        assert_eq!(report_one_in, 1);
        let config = edge.config();
        assert_eq!((config.recheck_ms, config.wait_ms), (0, 0));
        assert_eq!(config.settle_ms, 600_000);
    }

    #[test]
    fn an_entry_that_is_wrong_or_unreadable_is_named() {
        let wrong = |bad: &'static str| {
            let value = |entry| Ok(Some("no".into()).filter(|_| entry == bad).or(usual(entry)));
            Settings::read(value).err().map(|wrong| wrong.entry)
        };
        assert_eq!(wrong("trust"), Some("trust"));
        assert_eq!(wrong("settle_ms"), Some("settle_ms"));
        assert_eq!(wrong("cors"), None);
        let unreadable = Wrong {
            entry: "preview",
            why: "cannot be read",
        };
        let value = |entry| match entry {
            "preview" => Err(unreadable),
            _ => Ok(usual(entry)),
        };
        assert_eq!(Settings::read(value).err(), Some(unreadable));
    }

    #[test]
    fn a_collector_is_an_address_or_there_is_none() {
        let read = |said: &'static str| {
            let value = |entry| match entry {
                COLLECTOR => Ok(Some(said.into())),
                COLLECTOR_TOKEN => Ok(Some(" token\n".into())),
                _ => Ok(usual(entry)),
            };
            Settings::read(value).map(|settings| settings.collector)
        };
        assert!(read(" ").is_ok_and(|collector| collector.is_none()));
        let collector = read("https://count.example/").ok().flatten().unwrap();
        assert_eq!(collector.url, "https://count.example");
        assert_eq!(collector.token, "token");
        assert_eq!(read("count.example").err(), Some(NO_ADDRESS));
    }
}
