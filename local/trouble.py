"""What ends a command with one clear line instead of a traceback."""


class Trouble(Exception):
    """Something the person at the keyboard can mend; the message says how."""
