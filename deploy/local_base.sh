#!/bin/sh
# A base image for deploy/Containerfile where no registry of images can be reached: Debian's own Python, from the mirror
# that this machine installs its packages from. Needs root, debootstrap and podman (Debian: apt-get install debootstrap podman).
#   deploy/local_base.sh [RELEASE] [IMAGE]
set -eu
release=${1:-bookworm}
image=${2:-localhost/base:$release}
mirror=$(apt-get indextargets --format '$(SITE)' | head -n 1)
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates "$release" "$root" "$mirror"
# What slim images leave out.
find "$root/usr/share/doc" -mindepth 1 -not -type d -not -name copyright -delete
rm -rf "$root"/usr/share/man/* "$root"/usr/share/locale/* "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* \
    "$root"/var/log/*
tar -C "$root" -c . | podman import -q - "$image"
