"""The demonstration: what the functions do for somebody who opens a shop today."""
