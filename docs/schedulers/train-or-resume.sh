#!/bin/sh
# train-or-resume.sh FOLDER NAME [OPTIONS OF train]
# Trains the run NAME on FOLDER without a screen; where it was begun before, trains it on. A scheduler may call it again
# and again: a finished run ends at once with status 0, one that was interrupted and saved ends with 75.
set -u
folder=${1:?usage: train-or-resume.sh FOLDER NAME [OPTIONS OF train]}
name=${2:?usage: train-or-resume.sh FOLDER NAME [OPTIONS OF train]}
shift 2
case $name in
    *[!A-Za-z0-9._-]* | [.-]*) # its folder would be called otherwise, and the run not be found again
        echo "$name: name the run with letters, digits, . _ and - only" >&2
        exit 2 ;;
esac
runs=${DISTILL_RUNS:-$PWD/runs}

# exec: a signal that is meant for the training reaches it, and not a shell in front of it.
if [ -e "$runs/$name/config.toml" ]; then
    exec distill-tui resume "$runs/$name" --headless
fi
exec distill-tui train "$folder" --name "$name" --runs "$runs" --headless "$@"
