"""One row per provider API: what it sends, what it charges, where it is."""
