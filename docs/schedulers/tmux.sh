#!/bin/sh
# tmux.sh NAME WORDS OF train...
# Trains with the screen in a tmux session of its own: leave it with ctrl+b d, come back with: tmux attach -t NAME
# Ends once the screen is up; where it never comes up, says why and ends with the status of train.
set -u
name=${1:?usage: tmux.sh NAME FOLDER [OPTIONS OF train]}
shift
session="=$(printf %s "$name" | tr .: __):"  # as tmux calls it
tmux new-session -d -s "$name" distill-tui train "$@" --name "$name" \; \
    set-option -w -t "$session" remain-on-exit failed || exit
while pane=$(tmux display-message -p -t "$session" '#{alternate_on} #{pane_dead} #{pane_dead_status}' 2>&1); do
    case $pane in
    1\ *) exit 0 ;;
    *\ 1\ *)
        tmux capture-pane -p -J -t "$session" | grep . >&2
        tmux kill-session -t "${session%:}"
        exit "${pane##* }"
        ;;
    esac
    sleep 0.2
done
