"""What the sandboxes of vendors have in common: a server, an account that is remembered, signed webhooks, trouble."""
