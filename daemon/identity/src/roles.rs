//! Roles as people choose them and as rows hold them.

use kernel::Role;

use crate::error::IdentityError;

/// One or more of the roles that a tenant gives, each once. The role of a super_admin is nobody's to
/// give: it is the flag on the person.
pub(crate) fn role_names(roles: &[Role]) -> Result<Vec<&'static str>, IdentityError> {
    let given = |role: Role| matches!(role, Role::Member | Role::Admin | Role::Reviewer);
    let mut names: Vec<&'static str> = roles.iter().map(|role| role.name()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() || names.len() != roles.len() || !roles.iter().all(|role| given(*role)) {
        return Err(IdentityError::input("roles", "roles_invalid"));
    }
    Ok(names)
}

/// What a row holds. A name that is none of ours grants nothing.
pub(crate) fn roles_of(names: &[String]) -> Vec<Role> {
    names
        .iter()
        .filter_map(|name| Role::from_name(name))
        .filter(|role| *role != Role::SuperAdmin)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_given_super_admin_nothing_or_a_role_twice() {
        assert_eq!(
            role_names(&[Role::Reviewer, Role::Admin]).unwrap(),
            ["admin", "reviewer"]
        );
        for roles in [
            &[][..],
            &[Role::SuperAdmin],
            &[Role::Member, Role::SuperAdmin],
            &[Role::Admin, Role::Admin],
        ] {
            assert!(role_names(roles).is_err(), "{roles:?}");
        }
        assert!(roles_of(&[String::from("super_admin")]).is_empty());
    }
}
