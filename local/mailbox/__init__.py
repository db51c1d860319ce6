"""The mailbox of the local server: what Supabase Auth and the Resend sandbox sent, as a person would see it."""

from local.mailbox.pages import Mailbox

__all__ = ["Mailbox"]
