"""The recorded study: what was run, what came out, and what it says of the book's claims."""
