"""The Supabase gateway: Supabase's own lightweight server, and our mends of it."""
