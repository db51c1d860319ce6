// Prints what supabase-js was answered, what headers it may send, and what its client for functions alone is answered.
import { FunctionsClient } from "@supabase/functions-js";
import { createClient } from "@supabase/supabase-js";
import { corsHeaders } from "@supabase/supabase-js/cors";

import { calls } from "./calls.mjs";

const answered = await calls(createClient, process.env);
const alone = new FunctionsClient(`${process.env.API_URL}/api`, { headers: {} });
const signedIn = await alone.invoke("auth/sign-in", {
  body: { email: process.env.EMAIL, password: process.env.PASSWORD },
});
alone.setAuth(signedIn.data.access_token);
const me = await alone.invoke("auth/me", { method: "GET" });
console.log(JSON.stringify({ ...answered, alone: me.data, headers: corsHeaders["Access-Control-Allow-Headers"] }));
