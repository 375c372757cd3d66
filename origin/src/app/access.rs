//! Who may do what: one fixed table of role and action. A role is held in a workspace, for one of its environments or for
//! all of them.

use serde::{Deserialize, Serialize};

use super::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Changes content, audience, time and caps, and releases.
    Operator,
    /// Also changes what modules and pages are.
    Designer,
    /// Lets releases of others go out.
    Approver,
    /// Everything, people among it.
    Admin,
}

impl Role {
    pub const ALL: [Self; 5] = [
        Self::Viewer,
        Self::Operator,
        Self::Designer,
        Self::Approver,
        Self::Admin,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Designer => "designer",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// What is asked for. The draft belongs to the workspace, releases to an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Drafts, releases, people's names.
    Read,
    /// Modules, plans, segments, cap groups, layers and experiments, the modules on pages.
    EditContent,
    /// Attributes, module types, templates, pages, languages, pipelines.
    EditDesign,
    /// Put a release together, start it, pause and resume it.
    Release,
    /// Take a release back, or switch the mode of edges: never held up by anybody.
    RollBack,
    Approve,
    /// People, tokens, environments, targets, keys, and the workspace itself.
    Administer,
}

impl Action {
    pub const ALL: [Self; 7] = [
        Self::Read,
        Self::EditContent,
        Self::EditDesign,
        Self::Release,
        Self::RollBack,
        Self::Approve,
        Self::Administer,
    ];

    /// Whether a role in one environment is enough, whichever it is: the draft is shared by them all.
    fn of_draft(self) -> bool {
        matches!(self, Self::Read | Self::EditContent | Self::EditDesign)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Read => "look at this workspace",
            Self::EditContent => "change content",
            Self::EditDesign => "change how modules and pages are made",
            Self::Release => "release",
            Self::RollBack => "take a release back",
            Self::Approve => "approve a release",
            Self::Administer => "administer",
        }
    }
}

/// The table.
pub const fn allows(role: Role, action: Action) -> bool {
    use {Action as A, Role as R};
    match role {
        R::Viewer => matches!(action, A::Read),
        R::Operator => matches!(action, A::Read | A::EditContent | A::Release | A::RollBack),
        R::Designer => matches!(
            action,
            A::Read | A::EditContent | A::EditDesign | A::Release | A::RollBack
        ),
        R::Approver => matches!(action, A::Read | A::Approve | A::RollBack),
        R::Admin => true,
    }
}

/// A role in a workspace. Without an environment it is held in all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub workspace: String,
    pub env: Option<String>,
    pub role: Role,
}

/// Who asks, with what they hold at this moment.
#[derive(Clone, Debug)]
pub struct Actor {
    /// For the log: `user:…`, `token:…`, or `system:…` where nobody asked.
    pub name: String,
    /// The person, also behind a token: the author of what the token does.
    pub user: String,
    pub grants: Vec<Grant>,
    /// May make workspaces, and people that belong to none.
    pub root: bool,
    /// By which they came, if it is a session: what it lets do ends with it.
    pub session: Option<String>,
}

impl Actor {
    /// Somebody with the files of an origin in their hands: whatever the API forbids them, they could do by hand.
    pub fn operator(doing: &str, workspaces: impl IntoIterator<Item = String>) -> Self {
        let grants = workspaces.into_iter().map(|workspace| Grant {
            workspace,
            env: None,
            role: Role::Admin,
        });
        Self {
            name: format!("cli:{doing}"),
            grants: grants.collect(),
            ..Self::system(doing)
        }
    }

    /// Who acts where nobody asked.
    pub fn system(doing: &str) -> Self {
        Self {
            name: format!("system:{doing}"),
            user: String::new(),
            grants: Vec::new(),
            root: false,
            session: None,
        }
    }

    pub fn may(&self, action: Action, workspace: &str, env: Option<&str>) -> bool {
        self.grants.iter().any(|grant| {
            let env_fits = match (&grant.env, env) {
                (None, _) => true,
                (Some(held), Some(asked)) => held == asked,
                (Some(_), None) => action.of_draft(),
            };
            grant.workspace == workspace && env_fits && allows(grant.role, action)
        })
    }

    /// A stranger is told that there is no such workspace, which is all that strangers may know.
    pub fn need(&self, action: Action, workspace: &str, env: Option<&str>) -> Result<(), Error> {
        if self.may(action, workspace, env) {
            return Ok(());
        }
        if self.grants.iter().any(|grant| grant.workspace == workspace) {
            return Err(Error::Denied(action.words()));
        }
        Err(Error::NotFound(format!("no workspace `{workspace}`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(env: Option<&str>, role: Role) -> Actor {
        Actor {
            name: "user:a".into(),
            user: "a".into(),
            grants: vec![Grant {
                workspace: "shop".into(),
                env: env.map(str::to_owned),
                role,
            }],
            root: false,
            session: None,
        }
    }

    #[test]
    fn a_role_in_one_environment_reaches_the_draft_and_no_other_environment() {
        let operator = actor(Some("dev"), Role::Operator);
        assert!(operator.may(Action::EditContent, "shop", None));
        assert!(operator.may(Action::Release, "shop", Some("dev")));
        assert!(!operator.may(Action::Release, "shop", Some("prod")));
        assert!(!operator.may(Action::Release, "shop", None));
        assert!(!operator.may(Action::EditContent, "other", None));
        assert!(!actor(Some("dev"), Role::Admin).may(Action::Administer, "shop", None));
        assert!(actor(None, Role::Admin).may(Action::Administer, "shop", Some("prod")));
    }

    #[test]
    fn strangers_are_not_told_what_exists() {
        let stranger = actor(None, Role::Admin);
        let told = stranger.need(Action::Read, "other", None);
        assert!(matches!(told, Err(Error::NotFound(_))));
        let viewer = actor(None, Role::Viewer);
        let told = viewer.need(Action::Approve, "shop", Some("prod"));
        assert!(matches!(told, Err(Error::Denied(_))));
    }

    #[test]
    fn whoever_approves_does_not_write_and_whoever_writes_does_not_approve() {
        for role in [Role::Operator, Role::Designer] {
            assert!(!allows(role, Action::Approve));
        }
        assert!(!allows(Role::Approver, Action::EditContent));
        assert!(!allows(Role::Approver, Action::Release));
    }
}
