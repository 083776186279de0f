#!/bin/sh
# Builds the images that tests with containers use, from what `make dist` made. Needs root, podman and buildah; without a
# base of one's own (OSTIARY_BASE) also debootstrap and a mirror of Debian. docs/deployment.md has what users build.
set -eu
cd "$(dirname "$0")/../.."
base=${OSTIARY_BASE:-localhost/base:bookworm}
build() { buildah bud --quiet --isolation chroot --format docker --pull=never "$@" >/dev/null; }

podman image exists "$base" || deploy/local_base.sh bookworm "$base"
build --build-arg BASE="$base" -f deploy/Containerfile -t localhost/ostiary:0.1.0 -t localhost/ostiary .
build --build-arg BASE="$base" -f deploy/compose/openldap/Containerfile -t localhost/ostiary-example-openldap \
    deploy/compose/openldap
build --build-arg BASE="$base" -f tests/deploy/system.Containerfile -t localhost/ostiary-system tests/deploy
