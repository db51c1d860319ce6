// supabase-js calls the functions with its own `functions.invoke`, in Node and in a browser alike.

export async function calls(createClient, { API_URL, SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, EMAIL, PASSWORD, IMAGE }) {
  const sent = [];
  const supabase = createClient(SUPABASE_URL, SUPABASE_PUBLISHABLE_KEY, {
    auth: { persistSession: false },
    global: {
      // The functions are at /api of their own address, not at /functions/v1 of Supabase's.
      fetch: (url, init) => {
        const meant = String(url).replace(`${SUPABASE_URL}/functions/v1/`, `${API_URL}/api/`);
        if (meant !== url) sent.push({ url: meant, method: init.method, headers: [...new Headers(init.headers).keys()] });
        return fetch(meant, init);
      },
    },
  });
  const invoke = async (name, options) => {
    const { data, error, response } = await supabase.functions.invoke(name, options);
    const header = (key) => response?.headers.get(key) ?? null;
    return {
      data,
      error: error && { name: error.name, status: error.context.status, problem: await error.context.json() },
      requestId: header("X-Request-Id"),
      rateLimit: header("RateLimit"),
      etag: header("ETag"),
      replayed: header("Idempotent-Replayed"),
    };
  };

  const health = await invoke("health", { method: "GET" });
  const before = await invoke("auth/me", { method: "GET" });
  const refused = await invoke("auth/sign-in", { body: { email: EMAIL, password: "not the password" } });
  const session = await invoke("auth/sign-in", { body: { email: EMAIL, password: PASSWORD } });
  const { error } = await supabase.auth.setSession(session.data);
  if (error) throw error;
  const me = await invoke("auth/me", { method: "GET" });
  const detected = await invoke("detect", { body: { image: IMAGE, kind: "pantry" } });
  const unreadable = await invoke("detect", { body: { image: "AAAA" } });
  const make = { body: { name: "Café Nord" }, headers: { "Idempotency-Key": crypto.randomUUID() } };
  const made = await invoke("workspaces", make);
  const again = await invoke("workspaces", make);
  const read = await invoke(`workspaces/${made.data.id}`, { method: "GET" });
  const change = { method: "PATCH", body: { name: "Café Süd" }, headers: { "If-Match": read.etag } };
  const changed = await invoke(`workspaces/${made.data.id}`, change);
  const late = await invoke(`workspaces/${made.data.id}`, change);
  const listed = await invoke("workspaces?limit=1", { method: "GET" });
  return { health, before, refused, me, detected, unreadable, made, again, read, changed, late, listed, sent };
}
