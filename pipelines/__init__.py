"""Who runs the corpus: passes, engines and the command."""
