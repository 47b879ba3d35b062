#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Makes ./configure from a git checkout. A release tarball has it already.
set -e
cd "$(dirname "$0")"
exec autoreconf --force --install "$@"
