if [ "$1" -eq 0 ] && [ -d /run/systemd/system ]; then
    systemctl --quiet disable --now revkeep.service revkeep.socket \
        revkeep-backup.timer revkeep-rehearse.timer revkeep-verify.timer revkeep-retention.timer || :
fi
