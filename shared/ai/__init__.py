"""Asking AI providers: who is asked, what it may cost, what counts as an answer. Begin reading at `seeing`."""
