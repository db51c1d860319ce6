// How @supabase/lite talks to PostgreSQL, brought to what PostgREST does.

const utc = (text) => text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00");
const instant = (value) => (value instanceof Date ? value.toISOString() : value);

/** PostgreSQL's own "2026-11-21 10:00:00+00" is not what PostgREST answers, and supabase-py can't read it. */
export const isoTimestamps = {
  types: {
    timestamptz: { to: 1184, from: [1184], serialize: instant, parse: utc },
    timestamp: { to: 1114, from: [1114], serialize: instant, parse: utc },
  },
};

function isWritten(value) {
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}
const written = (value) => (typeof value === "string" && isWritten(value) ? value : JSON.stringify(value));

/**
 * lite hands JSON over as text already written, and then has the driver write it once more: a
 * document becomes a string. Of an RPC's arguments it writes documents but neither strings nor
 * numbers, so those that are to be JSON are all written before.
 */
export const jsonWrittenOnce = {
  types: {
    json: { to: 114, from: [114], serialize: written, parse: JSON.parse },
    jsonb: { to: 3802, from: [3802], serialize: written, parse: JSON.parse },
  },
  connection(connection) {
    const prepare = connection.onPostgrestAST.bind(connection);
    connection.onPostgrestAST = async (query, variables) => {
      const ast = await prepare(query, variables);
      if (ast.httpMethod !== "POST" || ast.paramsType !== "named") return ast;
      const { functions } = await connection.introspect({ useCache: true });
      const overloads = functions.filter((each) => each.name === ast.function && each.schema === (ast.schema ?? "public"));
      const isJson = (name) => overloads.some((each) => /^jsonb?$/.test(each.arg_types[each.arg_names.indexOf(name)]));
      const args = Object.entries(ast.args).map(([name, value]) =>
        value !== null && isJson(name) ? [name, JSON.stringify(value)] : [name, value],
      );
      return { ...ast, args: Object.fromEntries(args) };
    };
  },
};

/** PostgREST answers a numeric as the number it is, 12.50 as 12.50; lite as a string when JavaScript would round it. */
export const numericAsWritten = {
  types: {
    numeric: {
      to: 1700,
      from: [1700],
      serialize: String,
      parse: (text) => (Number.isFinite(Number(text)) ? JSON.rawJSON(text) : text),
    },
  },
};

/**
 * lite grants everything in every schema with row-level security to anon and authenticated at the
 * first request. Grants are the migrations' business: hosted Supabase gives none by default.
 */
export const ownGrants = {
  connection(connection) {
    connection.ensureRlsContext = async function () {
      this.rlsState = "active";
      return true;
    };
  },
};

// PostgREST's table, https://docs.postgrest.org/en/stable/references/errors.html; the first match counts.
const STATUSES = [
  [/^(08|57P0)/, 503],
  [/^(53400)/, 500],
  [/^53/, 503],
  [/^(0L|0P|28)/, 403],
  [/^P0001/, 400],
  [/^(09|25|2D|38|39|3B|40|54|55|57|58|F0|HV|P0|XX)/, 500],
  [/^[0-9A-Z]{5}$/, 400],
];
// What lite answers as PostgREST does, some of it by who asks: left alone.
const WELL_ANSWERED = /^(PT...|42...|22...|25006|23502|23503|23505)$/;
const CLIENT_FAILURES = /^(CONNECT|ECONN|EPIPE|ETIMEDOUT)/;

/** An error in the form that lite turns into exactly this answer. */
function answering(status, code, message, details = null, hint = null) {
  return Object.assign(new Error(JSON.stringify({ code, message, details, hint })), {
    code: "PGRST",
    detail: JSON.stringify({ status, headers: {} }),
  });
}

/** lite answers 500 with a code of its own to `raise exception`, check violations and more. */
export const statusBySqlstate = {
  connection(connection) {
    const normalize = connection.normalizeDbError.bind(connection);
    connection.normalizeDbError = (thrown) => {
      const error = normalize(thrown);
      const code = String(error?.code ?? "");
      if (WELL_ANSWERED.test(code)) return error;
      const status = STATUSES.find(([pattern]) => pattern.test(code))?.[1];
      if (!status) return error;
      return answering(status, code, error.message, error.detail, error.hint);
    };
  },
};

const isConnectionFailure = (error) =>
  CLIENT_FAILURES.test(error?.code ?? "") || /^57P0[123]/.test(error?.code ?? "");

/** A database that is away is 503 with fixed words, not a 500 that prints the driver's error. */
export const unavailableDatabase = {
  connection(connection) {
    const normalize = connection.normalizeDbError.bind(connection);
    connection.normalizeDbError = (thrown) =>
      CLIENT_FAILURES.test(thrown?.code ?? "")
        ? answering(503, "PGRST001", "Database client error. Retrying the connection.")
        : normalize(thrown);
  },
  app(app) {
    app.server.onError((error, context) => {
      console.error(error);
      return isConnectionFailure(error)
        ? context.json({ code: "PGRST001", message: "Database client error. Retrying the connection.", details: null, hint: null }, 503)
        : context.json({ message: "Internal server error" }, 500);
    });
  },
};

/**
 * lite reads the schema once and never again. PostgREST reads it anew on this notification, which
 * migrations send. The listener reconnects by itself, and reads then too: it may have missed one.
 */
export const schemaReload = {
  async app(app) {
    const reload = () => app.connection.introspect();
    await app.connection.driver.listen(
      "pgrst",
      (payload) => payload === "reload schema" && reload(),
      reload,
    );
  },
};
