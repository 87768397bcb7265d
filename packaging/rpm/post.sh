systemd-sysusers revkeep.conf || :
systemd-tmpfiles --create revkeep.conf || :
# Where there is SELinux. Before the daemon starts, and again with each version: the domain is the version's.
if command -v semodule >/dev/null; then
    semodule -X 200 -i /usr/share/selinux/packages/revkeep.cil || :
    restorecon -RF /usr/bin/revkeep /etc/revkeep /var/lib/revkeep /run/revkeep || :
fi
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :
