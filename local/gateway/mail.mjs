// Where the mails of sign-up and password reset go: a file, one JSON document a line.
import { appendFile } from "node:fs/promises";

const LINK = /https?:\/\/\S+\/auth\/v1\/verify\?\S+/;

/** An e-mail driver for @supabase/lite. Links lead to the gateway: lite would lead to the site. */
export const mailbox = ({ file, url, siteUrl }) => ({
  async send({ to, subject, text }) {
    const body = text.replaceAll(`${siteUrl}/auth/v1/`, `${url}/auth/v1/`);
    const mail = {
      at: new Date().toISOString(),
      to,
      subject,
      text: body,
      code: body.match(/\b\d{6}\b/)?.[0] ?? null,
      link: body.match(LINK)?.[0] ?? null,
    };
    await appendFile(file, `${JSON.stringify(mail)}\n`);
    console.log(JSON.stringify({ mail }));
  },
});
