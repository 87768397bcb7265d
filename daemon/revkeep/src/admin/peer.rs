//! Who is at the other end of the socket, by the kernel's word (SO_PEERCRED).

use std::fs;

use tokio::net::UnixStream;

/// An administrator on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Administrator {
    pub(super) os_user: String,
}

/// The peer if it is root or a member of `group`.
pub(super) fn administrator(stream: &UnixStream, group: &str) -> Option<Administrator> {
    let credentials = stream.peer_cred().ok()?;
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    admit(
        credentials.uid(),
        credentials.gid(),
        group,
        &passwd,
        &groups,
    )
}

fn admit(uid: u32, gid: u32, group: &str, passwd: &str, groups: &str) -> Option<Administrator> {
    let name = passwd
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields.get(2).and_then(|id| id.parse().ok()) == Some(uid))
        .and_then(|fields| fields.first().map(|name| (*name).to_owned()));
    let os_user = name.unwrap_or_else(|| uid.to_string());
    if uid == 0 {
        return Some(Administrator { os_user });
    }
    let entry: Vec<&str> = groups
        .lines()
        .find(|line| line.split(':').next() == Some(group))?
        .split(':')
        .collect();
    let by_group = entry.get(2).and_then(|id| id.parse().ok()) == Some(gid);
    let by_name = entry
        .get(3)
        .is_some_and(|members| members.split(',').any(|member| member == os_user));
    (by_group || by_name).then_some(Administrator { os_user })
}

#[cfg(test)]
mod tests {
    use super::admit;

    const PASSWD: &str =
        "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n";
    const GROUPS: &str = "ann:x:1000:\nrevkeep-admin:x:990:ann\n";

    #[test]
    fn root_and_the_group_are_admitted_and_nobody_else() {
        let user =
            |uid, gid| admit(uid, gid, "revkeep-admin", PASSWD, GROUPS).map(|admin| admin.os_user);
        assert_eq!(user(0, 0).as_deref(), Some("root"));
        assert_eq!(user(1000, 1000).as_deref(), Some("ann"));
        assert_eq!(user(1001, 990).as_deref(), Some("bob"));
        assert_eq!(user(1001, 1001), None);
        assert_eq!(user(4242, 4242), None);
        assert_eq!(admit(1000, 1000, "missing", PASSWD, GROUPS), None);
    }
}
