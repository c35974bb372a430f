#!/bin/sh
# nohup.sh FOLDER NAME [OPTIONS OF train]
# Trains without a screen and without this terminal. See it with distill-tui watch NAME, end it with distill-tui stop NAME.
set -u
here=$(dirname -- "$0")
name=${2:?usage: nohup.sh FOLDER NAME [OPTIONS OF train]}
nohup sh "$here/train-or-resume.sh" "$@" >"$name.log" 2>&1 </dev/null &
echo "training as process $!; what it says is in $name.log"
