//! Who may do what: roles, and the permissions that they stand for.
//!
//! Refuses to know how somebody proved who they are.

use crate::command::Risk;
use serde::{Deserialize, Serialize};

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Watches and reads.
    Viewer,
    /// Also submits commands up to R2.
    Engineer,
    /// Also submits R3.
    Senior,
    /// Approves what needs a second person.
    Approver,
    /// Reads the audit log.
    Auditor,
    /// Administers, and may do all of the above.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Viewer, Self::Engineer, Self::Senior, Self::Approver, Self::Auditor, Self::Admin];

    /// The word as stored and sent.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Engineer => "engineer",
            Self::Senior => "senior",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// The role of a word; `None` if there is none of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether the role permits the action. What is not listed is denied.
    pub fn may(self, action: Action) -> bool {
        match action {
            Action::Watch => self != Self::Auditor,
            Action::Submit(Risk::R0 | Risk::R1 | Risk::R2) => {
                matches!(self, Self::Engineer | Self::Senior | Self::Admin)
            }
            // Who approves has to see what.
            Action::SeeParameters => {
                matches!(self, Self::Engineer | Self::Senior | Self::Approver | Self::Admin)
            }
            Action::Approve => matches!(self, Self::Approver | Self::Admin),
            Action::Submit(Risk::R3) => matches!(self, Self::Senior | Self::Admin),
            Action::ReadAudit => matches!(self, Self::Auditor | Self::Admin),
            Action::Administer => self == Self::Admin,
        }
    }

    /// Whether the other role permits whatever this one does.
    pub fn is_within(self, other: Self) -> bool {
        Action::ALL.into_iter().all(|action| !self.may(action) || other.may(action))
    }

    /// The role that permits most of what both permit; `None` = there is nothing that both do.
    pub fn common(self, other: Self) -> Option<Self> {
        if self.is_within(other) {
            return Some(self);
        }
        if other.is_within(self) {
            return Some(other);
        }
        let permits = |role: &Self| Action::ALL.into_iter().filter(|it| role.may(*it)).count();
        let is_common = |role: &Self| role.is_within(self) && role.is_within(other);
        Self::ALL.into_iter().filter(is_common).max_by_key(permits)
    }

    /// Whether the role sees every fleet without a grant.
    pub fn sees_all_fleets(self) -> bool {
        self == Self::Admin
    }
}

/// What can be permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// See vehicles and commands and watch answers.
    Watch,
    /// See whole VINs and the parameters of commands.
    SeeParameters,
    /// Submit, or cancel, a command of this risk class.
    Submit(Risk),
    /// Approve, or deny, what somebody else has submitted.
    Approve,
    /// Read the audit log.
    ReadAudit,
    /// Change vehicles, users, fleets and grants.
    Administer,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 9] = [
        Self::Watch,
        Self::SeeParameters,
        Self::Submit(Risk::R0),
        Self::Submit(Risk::R1),
        Self::Submit(Risk::R2),
        Self::Submit(Risk::R3),
        Self::Approve,
        Self::ReadAudit,
        Self::Administer,
    ];

    /// The word as sent.
    pub fn word(self) -> &'static str {
        match self {
            Self::Watch => "watch",
            Self::SeeParameters => "see_parameters",
            Self::Submit(Risk::R0) => "submit_r0",
            Self::Submit(Risk::R1) => "submit_r1",
            Self::Submit(Risk::R2) => "submit_r2",
            Self::Submit(Risk::R3) => "submit_r3",
            Self::Approve => "approve",
            Self::ReadAudit => "read_audit",
            Self::Administer => "administer",
        }
    }

    /// The action of a word; `None` if there is none of that name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dangerous_commands_need_a_senior() {
        assert!(Role::Engineer.may(Action::Submit(Risk::R2)));
        assert!(!Role::Engineer.may(Action::Submit(Risk::R3)));
        assert!(Role::Senior.may(Action::Submit(Risk::R3)));
        assert!(!Role::Viewer.may(Action::Submit(Risk::R0)));
    }

    #[test]
    fn an_approver_sees_what_they_approve_and_submits_nothing() {
        assert!(Role::Approver.may(Action::Approve) && Role::Approver.may(Action::SeeParameters));
        assert!(!Role::Approver.may(Action::Submit(Risk::R0)));
        assert!(!Role::Senior.may(Action::Approve) && !Role::Engineer.may(Action::Approve));
    }

    #[test]
    fn every_action_has_a_word_of_its_own_and_somebody_who_may_do_it() {
        for action in Action::ALL {
            assert_eq!(Action::from_word(action.word()), Some(action));
            assert!(Role::Admin.may(action));
        }
        assert_eq!(Action::from_word("reign"), None);
    }

    #[test]
    fn what_two_roles_have_in_common_is_within_both() {
        use Role::{Admin, Approver, Auditor, Engineer, Senior};
        assert!(Engineer.is_within(Senior) && !Senior.is_within(Engineer));
        for (one, other, common) in [
            (Engineer, Admin, Some(Engineer)),
            (Senior, Engineer, Some(Engineer)),
            (Auditor, Engineer, None),
            (Auditor, Admin, Some(Auditor)),
        ] {
            assert_eq!(one.common(other), common);
            assert_eq!(other.common(one), common);
            assert_eq!(one.common(one), Some(one));
        }
        let watches = Approver.common(Senior).unwrap();
        assert!(watches.may(Action::Watch) && !watches.may(Action::Submit(Risk::R0)));
    }

    #[test]
    fn an_auditor_reads_the_audit_only() {
        assert!(Role::Auditor.may(Action::ReadAudit));
        assert!(!Role::Auditor.may(Action::Watch));
        assert!(!Role::Engineer.may(Action::ReadAudit));
    }
}
