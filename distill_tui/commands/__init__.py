"""The commands, one module each: `add_arguments(parser)` and `run(args)`. Heavy imports wait for `run`."""
