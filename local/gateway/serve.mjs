// Supabase's API, auth and storage on 127.0.0.1, over the PostgreSQL of DATABASE_URL.
//
// @supabase/lite does the work; each of the mends brings one of its answers to what hosted Supabase
// gives. WITHOUT_MENDS names some to leave out: a test does, to say when one isn't needed any more.
// Says {"schemas": true} on standard output once auth and storage have their tables, waits for a line
// on standard input while the migrations run, says {"port": …}, and ends when standard input closes.
import { once } from "node:events";
import { createAdaptorServer } from "@hono/node-server";
import { createApi } from "@supabase/lite/cli";
import { createPostgresConnection } from "@supabase/lite/postgres";
import { mailbox } from "./mail.mjs";
import * as auth from "./mends/auth.mjs";
import * as database from "./mends/database.mjs";
import * as storage from "./mends/storage.mjs";

const { env } = process;
const left = new Set((env.WITHOUT_MENDS ?? "").split(","));
const mends = Object.entries({ ...database, ...auth, ...storage })
  .filter(([name, mend]) => typeof mend === "object" && !left.has(name))
  .map(([, mend]) => mend);

process.stdin.on("end", () => process.exit());
const say = (message) => console.log(JSON.stringify(message));

/** The wanted port, or any when it is taken. */
async function listening(server, port) {
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch (error) {
    if (error.code !== "EADDRINUSE") throw error;
    await once(server.listen(0, "127.0.0.1"), "listening");
  }
  return server.address().port;
}

let answer = () => new Response(null, { status: 503 }); // until all is in place
const server = createAdaptorServer({
  fetch: (request, { incoming }) => answer(request, { peerAddress: incoming.socket.remoteAddress }),
});
// Clients keep connections in a pool for a minute: close later than they do, not under them.
server.keepAliveTimeout = 75_000;
server.headersTimeout = 80_000;
// The port is known before anything answers, because tokens and mails name it.
const port = await listening(server, Number(env.GATEWAY_PORT ?? 0));
const url = `http://127.0.0.1:${port}`;

const connection = createPostgresConnection({
  url: env.DATABASE_URL,
  postgresOptions: {
    max: 20,
    // The driver's own wait trebles with each failure of any connection: up to 20 s more after an outage of one.
    backoff: 0.1,
    onnotice: () => {},
    types: Object.assign({}, ...mends.map((mend) => mend.types)),
  },
});
for (const mend of mends) mend.connection?.(connection);

const { local } = (await createApi()).project;
local.getConfig = async () => ({
  connection,
  api: { schemas: ["public"], max_rows: 1000 },
  storage: { enabled: true, file_size_limit: "50MiB" },
  auth: {
    enabled: true,
    site_url: env.SITE_URL,
    jwt_secret: env.SUPABASE_JWT_SECRET,
    jwt_expiry: 3600,
    minimum_password_length: 10,
    enable_signup: true,
    enable_refresh_token_rotation: true,
    publishable_key: env.SUPABASE_PUBLISHABLE_KEY,
    secret_key: env.SUPABASE_SECRET_KEY,
    email: { enable_confirmations: env.AUTH_CONFIRMATIONS === "1" },
  },
  options: { drivers: { email: mailbox({ file: env.MAIL_FILE, url, siteUrl: env.SITE_URL }) } },
});
const app = await local.createApp(undefined, { admin: false });
app._storageAdapter.basePath = env.STORAGE_DIR;
await app.ensureSystemSchema();
say({ schemas: true });
await once(process.stdin, "data");
for (const mend of mends) await mend.app?.(app, { url });
// Read the schema now: a first request while the database is away would find it empty.
await connection.introspect();

answer = mends.reduce((next, mend) => mend.fetch?.(next, app) ?? next, app.fetch);
say({ port });
