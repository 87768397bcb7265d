if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || :
    # On an upgrade, once the database that set-up made is brought to the new version. If that fails the
    # daemon goes on as the version before.
    if [ "$1" -ge 1 ]; then
        if [ ! -f /etc/revkeep/setup.undo ] || revkeep migrate; then
            systemctl try-restart revkeep.service || :
        else
            echo "revkeep: once that is mended: revkeep migrate, then systemctl restart revkeep" >&2
        fi
    fi
fi
if [ "$1" -eq 0 ] && command -v semodule >/dev/null; then
    semodule -X 200 -r revkeep || :
fi
