"""What a brief in ordinary English says: one module for each kind of thing that is said."""
