"""Tables of results: what is run, what a finished run yields, and the page that shows it."""
