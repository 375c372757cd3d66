//! What a deployment says, as text: one reading for every platform, whatever its variables are called. A
//! value is never repeated, since a secret may have been put into the wrong place.

use skyful::manifest::TrustSet;
use skyful::secret::Secrets;

use crate::{CapMode, Config, ConfigError, ContextKeys, Edge};

/// What every platform lets a deployment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    Workspace,
    Env,
    /// Public keys, separated by commas.
    Trust,
    /// `true` or `false`.
    Preview,
    /// Origins, separated by commas or spaces.
    Cors,
    RecheckMs,
    SettleMs,
    /// What seals receipts and ledgers: 64 hex digits, several separated by commas, the newest first.
    Secret,
    /// `off`, `ledger`, `approximate` or `exact`, as far as the platform has it.
    Caps,
    /// `eddsa:NAME:HEX` or `hs256:NAME:HEX`, several separated by commas: who may sign contexts.
    ContextKeys,
}

impl Setting {
    pub const ALL: [Self; 10] = [
        Self::Workspace,
        Self::Env,
        Self::Trust,
        Self::Preview,
        Self::Cors,
        Self::RecheckMs,
        Self::SettleMs,
        Self::Secret,
        Self::Caps,
        Self::ContextKeys,
    ];
}

/// The setting that makes no edge, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub setting: Setting,
    pub why: &'static str,
}

/// What a platform takes where a deployment says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    pub recheck_ms: i64,
    /// How long an answer may be given from an older look, where looks follow answers. `None`: every look
    /// that is due comes first.
    pub wait_ms: Option<i64>,
    pub settle_ms: i64,
    pub cache_bytes: usize,
    /// The ways of counting caps that this platform, as it is set up, has beside none and the visitor's ledger.
    pub cap_stores: &'static [CapMode],
}

/// The longest time that makes sense: beyond it a rollback would seem not to work.
const MILLIS_MAX: i64 = 3_600_000;

/// Beyond it hardly any report would be sent.
const ONE_IN_MAX: u32 = 1_000_000;

/// Of how many reports about an answer one is sent, where each instance sends its own. 0: none.
pub fn report_one_in(said: Option<&str>) -> Result<u32, &'static str> {
    let said = said.map(str::trim).filter(|text| !text.is_empty());
    match said.map_or(Ok(1), str::parse) {
        Ok(one_in) if one_in <= ONE_IN_MAX => Ok(one_in),
        _ => Err("it is not a number from 0 to 1000000"),
    }
}

/// An edge from what `value` says of each setting. An empty text is how some platforms say nothing.
pub fn edge<T: AsRef<str>>(
    value: impl Fn(Setting) -> Option<T>,
    defaults: Defaults,
) -> Result<Edge, Wrong> {
    let said = value(Setting::Trust);
    let said = said.as_ref().map_or("", |text| text.as_ref().trim());
    let wrong = |why| Wrong {
        setting: Setting::Trust,
        why,
    };
    if said.is_empty() {
        return Err(wrong("it is not set"));
    }
    let trust = TrustSet::parse(said)
        .map_err(|_| wrong("it is not a list of Ed25519 public keys, each of 64 hex digits"))?;
    edge_of(trust, value, defaults)
}

/// The same where whom to trust is known otherwise, as from a file.
pub fn edge_of<T: AsRef<str>>(
    trust: TrustSet,
    value: impl Fn(Setting) -> Option<T>,
    defaults: Defaults,
) -> Result<Edge, Wrong> {
    let text = |setting| {
        let text = value(setting).map(|text| text.as_ref().trim().to_owned());
        text.filter(|text| !text.is_empty())
    };
    let required = |setting| {
        text(setting).ok_or(Wrong {
            setting,
            why: "it is not set",
        })
    };
    let mut config = Config::new(
        required(Setting::Workspace)?,
        required(Setting::Env)?,
        trust,
    );
    config.preview = match text(Setting::Preview).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            return Err(Wrong {
                setting: Setting::Preview,
                why: "it is neither true nor false",
            });
        }
    };
    let origins = text(Setting::Cors).unwrap_or_default();
    config.cors = origins
        .split([',', ' '])
        .filter(|origin| !origin.is_empty())
        .map(str::to_owned)
        .collect();
    let millis = |setting, default| match text(setting) {
        None => Ok(default),
        Some(text) => text
            .parse()
            .ok()
            .filter(|millis| (0..=MILLIS_MAX).contains(millis))
            .ok_or(Wrong {
                setting,
                why: "it is not a number of milliseconds from 0 to 3600000",
            }),
    };
    config.recheck_ms = millis(Setting::RecheckMs, defaults.recheck_ms)?;
    config.settle_ms = millis(Setting::SettleMs, defaults.settle_ms)?;
    // Zero asks for the newest at every answer, which no look behind an answer can give.
    config.wait_ms = match (defaults.wait_ms, config.recheck_ms) {
        (Some(wait_ms), 1..) => wait_ms.max(config.recheck_ms),
        (_, recheck_ms) => recheck_ms,
    };
    config.cache_bytes = defaults.cache_bytes;
    let secret = text(Setting::Secret).unwrap_or_default();
    config.secrets =
        Secrets::parse(&secret, &config.workspace, &config.env).map_err(|_| Wrong {
            setting: Setting::Secret,
            why: "it is not 64 hex digits, or several such separated by commas",
        })?;
    config.caps = cap_mode(
        text(Setting::Caps).as_deref(),
        &config.secrets,
        defaults.cap_stores,
    )
    .map_err(|why| Wrong {
        setting: Setting::Caps,
        why,
    })?;
    let keys = text(Setting::ContextKeys).unwrap_or_default();
    config.context_keys = ContextKeys::parse(&keys).map_err(|_| Wrong {
        setting: Setting::ContextKeys,
        why: "it is not eddsa:NAME:HEX or hs256:NAME:HEX, or several such separated by commas",
    })?;
    Edge::new(config).map_err(|error| match error {
        ConfigError::Workspace => Wrong {
            setting: Setting::Workspace,
            why: "it is not 1 to 40 of a-z, 0-9 and -",
        },
        ConfigError::Env => Wrong {
            setting: Setting::Env,
            why: "it is not 1 to 40 of a-z, 0-9 and -",
        },
        ConfigError::NoKey => Wrong {
            setting: Setting::Trust,
            why: "it names no public key",
        },
    })
}

/// How caps are counted where a deployment has `stores` to count in. Where a secret is set, visitors carry their ledger
/// unless something else is said.
pub fn cap_mode(
    said: Option<&str>,
    secrets: &Secrets,
    stores: &[CapMode],
) -> Result<CapMode, &'static str> {
    let sealed = secrets.sealer().is_some();
    let Some(said) = said else {
        return Ok(if sealed {
            CapMode::Ledger
        } else {
            CapMode::Off
        });
    };
    let mode = CapMode::ALL.into_iter().find(|mode| mode.name() == said);
    match mode.ok_or("it is none of off, ledger, approximate, exact")? {
        CapMode::Ledger if !sealed => Err("a ledger needs the secret that seals it"),
        mode @ (CapMode::Approximate | CapMode::Exact) if !stores.contains(&mode) => {
            Err("this edge, as it is set up, has no store to count so")
        }
        mode => Ok(mode),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a well-known test vector; nobody signs with it.
    const KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const DEFAULTS: Defaults = Defaults {
        recheck_ms: 5_000,
        wait_ms: Some(60_000),
        settle_ms: 600_000,
        cache_bytes: 1 << 20,
        cap_stores: &[CapMode::Exact],
    };

    fn read(said: &[(Setting, &'static str)], defaults: Defaults) -> Result<Config, Wrong> {
        let usual = |setting| match setting {
            Setting::Workspace => Some("wallet"),
            Setting::Env => Some("prod"),
            Setting::Trust => Some(KEY),
            _ => None,
        };
        let value = |setting| {
            let found = said.iter().find(|(said, _)| *said == setting);
            found.map_or_else(|| usual(setting), |(_, text)| Some(*text))
        };
        edge(value, defaults).map(|edge| edge.config().clone())
    }

    #[test]
    fn a_key_a_workspace_and_an_environment_are_enough() {
        let nothing = [
            (Setting::Cors, ""),
            (Setting::Preview, " "),
            (Setting::RecheckMs, ""),
        ];
        let config = read(&nothing, DEFAULTS).unwrap();
        assert_eq!((&*config.workspace, &*config.env), ("wallet", "prod"));
        assert!(!config.preview && config.cors.is_empty());
        assert_eq!((config.recheck_ms, config.wait_ms), (5_000, 60_000));
        assert_eq!((config.settle_ms, config.cache_bytes), (600_000, 1 << 20));
    }

    #[test]
    fn everything_else_can_be_said() {
        let said = [
            (Setting::Cors, "https://a.example, https://b.example"),
            (Setting::Preview, "true"),
            (Setting::RecheckMs, "90000"),
            (Setting::SettleMs, "0"),
            (Setting::Secret, KEY),
            (Setting::Caps, "exact"),
        ];
        let config = read(&said, DEFAULTS).unwrap();
        assert_eq!(config.cors, ["https://a.example", "https://b.example"]);
        assert!(config.preview);
        assert_eq!((config.recheck_ms, config.wait_ms), (90_000, 90_000));
        assert_eq!(config.settle_ms, 0);
        assert_eq!(config.caps, CapMode::Exact);
    }

    #[test]
    fn visitors_carry_ledgers_once_there_is_a_secret() {
        assert_eq!(read(&[], DEFAULTS).unwrap().caps, CapMode::Off);
        let sealed = read(&[(Setting::Secret, KEY)], DEFAULTS).unwrap();
        assert_eq!(sealed.caps, CapMode::Ledger);
        let off = read(&[(Setting::Secret, KEY), (Setting::Caps, "off")], DEFAULTS);
        assert_eq!(off.unwrap().caps, CapMode::Off);
    }

    #[test]
    fn zero_and_platforms_without_a_background_look_first() {
        let zero = read(&[(Setting::RecheckMs, "0")], DEFAULTS).unwrap();
        assert_eq!((zero.recheck_ms, zero.wait_ms), (0, 0));
        let defaults = Defaults {
            wait_ms: None,
            ..DEFAULTS
        };
        assert_eq!(read(&[], defaults).unwrap().wait_ms, 5_000);
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        let cases = [
            (Setting::Trust, "", "it is not set"),
            (
                Setting::Trust,
                "sesame",
                "it is not a list of Ed25519 public keys, each of 64 hex digits",
            ),
            (Setting::Trust, ",", "it names no public key"),
            (Setting::Workspace, " ", "it is not set"),
            (
                Setting::Workspace,
                "A b",
                "it is not 1 to 40 of a-z, 0-9 and -",
            ),
            (Setting::Env, "x/y", "it is not 1 to 40 of a-z, 0-9 and -"),
            (Setting::Preview, "yes", "it is neither true nor false"),
            (
                Setting::Secret,
                "sesame",
                "it is not 64 hex digits, or several such separated by commas",
            ),
            (
                Setting::ContextKeys,
                KEY,
                "it is not eddsa:NAME:HEX or hs256:NAME:HEX, or several such separated by commas",
            ),
            (
                Setting::Caps,
                "ledger",
                "a ledger needs the secret that seals it",
            ),
            (
                Setting::Caps,
                "approximate",
                "this edge, as it is set up, has no store to count so",
            ),
            (
                Setting::Caps,
                "some",
                "it is none of off, ledger, approximate, exact",
            ),
            (
                Setting::RecheckMs,
                "-1",
                "it is not a number of milliseconds from 0 to 3600000",
            ),
            (
                Setting::SettleMs,
                "3600001",
                "it is not a number of milliseconds from 0 to 3600000",
            ),
        ];
        for (setting, text, why) in cases {
            let wrong = read(&[(setting, text)], DEFAULTS).expect_err("wrong");
            assert_eq!(wrong, Wrong { setting, why }, "{text}");
        }
    }
}
