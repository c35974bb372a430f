"""The screens: home, a run's dashboard, help and dialogs."""
