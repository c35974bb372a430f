"""The terminal monitor: screens that read a run through its link and never touch the trainer."""
