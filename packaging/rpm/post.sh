systemd-sysusers revkeep.conf || :
systemd-tmpfiles --create revkeep.conf || :
[ ! -d /run/systemd/system ] || systemctl daemon-reload || :
