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

/**
 * With confirmations on, signing up again with a confirmed address must look like the first time,
 * or anybody can find out who has an account: Supabase Auth answers with an invented user.
 */
export const silentRepeatedSignUp = {
  fetch: (next, app) => async (request, context) => {
    if (request.method !== "POST" || new URL(request.url).pathname !== "/auth/v1/signup") return next(request, context);
    const asked = request.clone();
    const response = await next(request, context);
    if (response.status !== 429) return response;
    const email = (await asked.json()).email.toLowerCase();
    const [confirmed] = await app.connection.driver`
      select from auth.users where email = ${email} and email_confirmed_at is not null`;
    if (!confirmed) return response;
    const now = new Date().toISOString();
    return Response.json({
      id: crypto.randomUUID(),
      aud: "authenticated",
      role: "",
      email,
      phone: "",
      confirmation_sent_at: now,
      app_metadata: { provider: "email", providers: ["email"] },
      user_metadata: {},
      identities: [],
      created_at: now,
      updated_at: now,
      is_anonymous: false,
    });
  },
};

/** Pages of any origin may call Supabase Auth; lite lets them send no headers and read no answers. */
export const pagesOfAnyOrigin = {
  fetch: (next) => async (request, context) => {
    const response = await next(request, context);
    if (!new URL(request.url).pathname.startsWith("/auth/v1/")) return response;
    const headers = new Headers(response.headers);
    headers.set("access-control-allow-origin", "*");
    const asked = request.headers.get("access-control-request-headers");
    if (request.method === "OPTIONS" && asked) headers.set("access-control-allow-headers", asked);
    return new Response(response.body, { status: response.status, headers });
  },
};
