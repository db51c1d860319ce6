// Signs people in, and lets Swagger UI send requests with their access token.
//
// The session is kept in this page's memory and nowhere else: nothing is written that outlives the page, and a copied
// tab doesn't use the same refresh token twice, which would end the session. The price: a reload asks again.
"use strict";

const DOCUMENT = "/api/docs/openapi.json";
const EXPIRES_SOON_MS = 60_000;
const LONGEST_WAIT_MS = 20_000;
const byId = (id) => document.getElementById(id);

/** What went wrong, in words for people. `status` is 0 where there was no answer. */
class Refusal extends Error {
  constructor(status, words) {
    super(words);
    this.status = status;
  }
}

/** The words of a problem document (RFC 9457), with its fields and how long to wait. */
function wordsOf(response, problem) {
  const detail = problem?.detail ?? `The server answered ${response.status}.`;
  const fields = (problem?.errors ?? []).map((each) => `${each.pointer.slice(1) || "the whole"}: ${each.detail}`);
  const minutes = Math.ceil(Number(response.headers.get("Retry-After")) / 60);
  const wait = response.status === 429 && minutes ? `Try again in ${minutes} minute${minutes > 1 ? "s" : ""}.` : "";
  return [detail, ...fields, wait].filter(Boolean).join(" ");
}

/** Send JSON to one of the functions; its answer, or null for an empty one. Throws `Refusal`. */
async function call(method, path, { token, content } = {}) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (content) headers["Content-Type"] = "application/json";
  const body = content && JSON.stringify(content);
  const signal = AbortSignal.timeout(LONGEST_WAIT_MS);
  const response = await fetch(path, { method, headers, body, signal, credentials: "omit" }).catch(() => {
    throw new Refusal(0, "The server can’t be reached.");
  });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Refusal(response.status, wordsOf(response, answer));
  return answer;
}

/** The session, or null. */
let session = null;
let refreshing = null;

function keep(answer) {
  session = { ...answer, expires_at: Date.now() + answer.expires_in * 1000 };
  ui.preauthorizeApiKey("person", session.access_token);
}

/** An access token that will last for this request; null for nobody, and where the session has ended. */
async function freshToken() {
  if (session && session.expires_at - Date.now() < EXPIRES_SOON_MS) {
    refreshing ??= refresh().finally(() => (refreshing = null)); // a refresh token is good for once
    await refreshing;
  }
  return session?.access_token ?? null;
}

async function refresh() {
  try {
    keep(await call("POST", "/api/auth/refresh", { content: { refresh_token: session.refresh_token } }));
  } catch (refusal) {
    if (refusal.status === 401) forget("Your session has ended. Please sign in again.");
    // Anything else may pass: what the old token is still good for, the request itself will tell.
  }
}

async function signIn(form) {
  const { email, password } = Object.fromEntries(new FormData(form));
  const button = form.querySelector("button");
  button.disabled = true; // a second press would open a second session
  say("Signing in …");
  try {
    const answer = await call("POST", "/api/auth/sign-in", { content: { email: email.trim(), password } });
    const me = await call("GET", "/api/auth/me", { token: answer.access_token });
    keep(answer);
    show(me);
    form.reset();
    say("");
    byId("sign-out").focus();
  } catch (refusal) {
    say(refusal.message, true);
    form.elements.password.select();
  } finally {
    button.disabled = false;
  }
}

async function signOut() {
  const token = await freshToken();
  forget("Signed out.");
  byId("sign-in").elements.email.focus();
  // Here it is forgotten in any case; there it may have ended before.
  if (token) {
    await call("POST", "/api/auth/sign-out", { token }).catch((refusal) => {
      if (refusal.status !== 401) say(`Signed out on this page. ${refusal.message}`, true);
    });
  }
}

function forget(words) {
  session = null;
  ui.authActions.logout(["person"]);
  show(null);
  say(words);
}

/** Who is signed in: what `GET /api/auth/me` answers, or null. */
function show(me) {
  byId("sign-in").hidden = me !== null;
  byId("signed-in").hidden = me === null;
  byId("who").textContent = me ? me.user.name : "";
  byId("where").textContent = me?.workspaces.find((each) => each.id === me.default_workspace_id)?.name ?? "";
}

function say(words, wrong = false) {
  byId("notice").textContent = words;
  byId("notice").classList.toggle("wrong", wrong);
}

/** What this page says in its own way: a plugin of Swagger UI, whose documents are Immutable.js maps. */
const ourWords = ({ React: { createElement: h }, getComponent, specSelectors }) => ({
  wrapComponents: {
    // Signing in is ours, and there is one server: no dialogs and menus for those.
    authorizeBtn: () => nothing,
    authorizeOperationBtn: () => nothing,
    SchemesContainer: () => nothing,
    ServersContainer: () => nothing,
    // The name is in the header already.
    InfoContainer: () => () => h("div", { className: "info" },
      h(getComponent("Markdown", true), { source: specSelectors.info().get("description") }),
      h("p", null, `Version ${specSelectors.version()}. `, h("a", { href: DOCUMENT }, "The same as OpenAPI 3.1"), "."),
    ),
    OperationSummaryPath: (Original) => (props) => h("span", { className: "path-and-caller" },
      h(Original, props),
      h("span", { className: "caller" }, callerOf(props.operationProps)),
    ),
    // All problems look alike: what differs is what they are called.
    response: (Original) => (props) => {
      const codes = codesOf(props.response);
      if (!codes) return h(Original, props);
      return h("tr", { className: "response" },
        h("td", { className: "response-col_status" }, props.code),
        h("td", { className: "response-col_description" },
          h(getComponent("Markdown", true), { source: props.response.get("description") }),
          h("p", { className: "codes" }, codes.map((code) => h("code", { key: code }, code))),
        ),
      );
    },
  },
});

const nothing = () => null;

/** Who may send an operation, in a word or two; nothing for everybody. */
function callerOf(operation) {
  const schemes = (operation.get("security")?.toJS() ?? []).flatMap(Object.keys);
  if (schemes.includes("internal")) return "internal";
  if (!schemes.includes("person")) return null;
  return operation.get("isAuthorized") ? "signed in" : "sign in first";
}

/** The codes that an answer may have which is a problem and nothing else; undefined for any other. */
function codesOf(response) {
  const content = response.get("content");
  const schema = content?.size === 1 ? content.get("application/problem+json") : undefined;
  return schema?.getIn(["schema", "properties", "code", "enum"])?.toArray();
}

const ui = SwaggerUIBundle({
  url: DOCUMENT,
  domNode: byId("reference"),
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [ourWords],
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  requestInterceptor: async (request) => {
    // Only where Swagger UI has put it: routes for everybody are sent as nobody.
    if (request.headers?.Authorization && session) {
      const token = await freshToken();
      if (token) request.headers.Authorization = `Bearer ${token}`;
      else delete request.headers.Authorization;
    }
    return request;
  },
});

const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(event.target);
});
byId("sign-out").addEventListener("click", signOut);
show(null);
