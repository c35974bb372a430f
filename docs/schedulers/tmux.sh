#!/bin/sh
# tmux.sh NAME WORDS OF train...
# Trains with the screen in a tmux session of its own: leave it with ctrl+b d, come back with: tmux attach -t NAME
set -u
name=${1:?usage: tmux.sh NAME FOLDER [OPTIONS OF train]}
shift
exec tmux new-session -d -s "$name" distill-tui train "$@" --name "$name"
