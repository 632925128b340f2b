"""Taking documents out of a finished build: what `wudao remove` finds, and how it goes."""
