"""What makes the mails of the e-mail service: MJML to HTML, translations to catalogs, pictures of what came of it."""
