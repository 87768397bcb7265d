#!/bin/sh
# Installs Revkeep and PostgreSQL from this bundle. What this machine has already, in the same version or a newer
# one, stays. No other archive is asked.
set -eu
cd "$(dirname "$0")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# apt reads packages as an account of its own.
chmod 755 "$work"
mkdir -p "$work/lists/partial"
# The checksums were verified by verify.sh; the list of packages is one of the files that they are of.
echo "deb [trusted=yes] file:$here/packages ./" >"$work/sources.list"
options="-o Dir::Etc::SourceList=$work/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=$work/lists"
# shellcheck disable=SC2086
apt-get $options update
# shellcheck disable=SC2086
apt-get $options install --yes --no-install-recommends revkeep postgresql
