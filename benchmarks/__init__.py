"""How fast the book trains: ratios (`make bench`), what was searched, and cost as work grows."""
