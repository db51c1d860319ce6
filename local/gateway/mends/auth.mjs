// How @supabase/lite signs people in, brought to what Supabase Auth does.
import { SignJWT } from "jose";

/** lite's own reads a setting that nothing sets. */
export const emailOfCaller = {
  async app(app) {
    await app.connection.exec(
      `create or replace function auth.email() returns text language sql stable as
       $$ select auth.jwt() ->> 'email' $$`,
    );
  },
};

/** Access tokens on hosted Supabase say who issued them, and whoever verifies them should look. */
export const issuer = {
  app(app, { url }) {
    const { sign } = SignJWT.prototype;
    SignJWT.prototype.sign = function (...given) {
      return sign.apply(this.setIssuer(`${url}/auth/v1`), given);
    };
  },
};
