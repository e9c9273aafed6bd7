#!/bin/sh
# Starts user-mode Linux with its memory in a tmpfs: in a file on a disk the host would write it there, page by page. In a mount namespace
# of its own: the tmpfs goes with it.
set -e
mount -t tmpfs -o size=100% memory "$1"
export TMPDIR="$1"
shift
# Not as the first process of this pid namespace: a kernel that panics aborts, and the first process cannot.
"$@"
