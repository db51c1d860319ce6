// How a frontend calls the functions with generated types: signs in, makes and changes a workspace, has a photo seen.
// It runs as it is (`node sample.ts`); API_URL, EMAIL, PASSWORD and IMAGE (a JPEG as base64) come from the environment.
import createClient from "openapi-fetch";
import type { components, operations, paths } from "./api.d.ts";

declare const process: { env: { API_URL: string; EMAIL: string; PASSWORD: string; IMAGE: string } };
const { API_URL, EMAIL, PASSWORD, IMAGE } = process.env;

function expect(truth: boolean, what: string): asserts truth {
  if (!truth) throw new Error(`expected: ${what}`);
}

const api = createClient<paths>({ baseUrl: API_URL });

// No token yet.
const health = await api.GET("/api/health");
expect(health.data?.status === "ok", "a healthy stack");

const refused = await api.POST("/api/auth/sign-in", { body: { email: EMAIL, password: "not the password" } });
expect(refused.error?.code === "credentials_invalid", "a refused password");

const signedIn = await api.POST("/api/auth/sign-in", { body: { email: EMAIL, password: PASSWORD } });
expect(signedIn.data !== undefined, "a session");
api.use({
  onRequest({ request }) {
    request.headers.set("Authorization", `Bearer ${signedIn.data.access_token}`);
    return request;
  },
});

const me = await api.GET("/api/auth/me");
expect(me.data?.user.email === EMAIL, "the one who signed in");

const made = await api.POST("/api/workspaces", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: { name: "Café Nord", currency: "EUR" }, // the other fields have defaults
});
expect(made.data?.time_zone === "UTC", "the default time zone");
const workspace_id = made.data.id;

const listed = await api.GET("/api/workspaces", { params: { query: { limit: 100 } } });
expect(listed.data?.data.some((each) => each.id === workspace_id) === true, "the new workspace in the list");

// Two people edit one workspace: the second one's change is refused.
const read = await api.GET("/api/workspaces/{workspace_id}", { params: { path: { workspace_id } } });
const tag = read.response.headers.get("ETag");
expect(tag !== null, "an ETag");
const change = (name: string) =>
  api.PATCH("/api/workspaces/{workspace_id}", {
    params: { path: { workspace_id }, header: { "If-Match": tag } },
    body: { name, legal_name: null },
  });
expect((await change("Café Süd")).data?.name === "Café Süd", "the new name");
const second = await change("Café West");
expect(second.error?.code === "changed_meanwhile", "a refused change");
expect(second.error.status === 412, "the status of that code");

const seen = await api.POST("/api/detect", {
  params: { query: { workspace_id } },
  body: { image: IMAGE, kind: "pantry" },
});
expect(seen.data?.items.some((item) => item.barcode?.text === "5901234123457") === true, "the code on the label");

// What went wrong is told by `code`, and the compiler knows which codes a call may answer.
function explain(problem: NonNullable<typeof seen.error>): string {
  switch (problem.code) {
    case "ai_budget_of_workspace":
      return "Your workspace has used up today's budget.";
    case "rate_limited":
      return "Too many photos: try again later.";
    case "invalid_fields":
      return (problem.errors ?? []).map((each) => `${each.pointer}: ${each.detail}`).join("\n");
    default:
      return problem.detail;
  }
}
const invalid = await api.POST("/api/detect", { params: { query: { workspace_id } }, body: { image: "AAAA" } });
expect(invalid.error !== undefined && explain(invalid.error).startsWith("/image:"), "which field is wrong");

// None of this compiles: tsc fails where an expected error isn't one.
export async function mistakes(): Promise<void> {
  // @ts-expect-error no such path
  await api.GET("/api/workspace");
  // @ts-expect-error no such method on that path
  await api.DELETE("/api/auth/me");
  // @ts-expect-error a required field is left out
  await api.POST("/api/auth/sign-in", { body: { email: EMAIL } });
  // @ts-expect-error an unknown field
  const body: components["schemas"]["NewWorkspace"] = { name: "x", colour: "red" };
  await api.POST("/api/workspaces", { body });
  // @ts-expect-error a number is text
  await api.GET("/api/workspaces", { params: { query: { limit: "100" } } });
  // @ts-expect-error neither an image nor where one is
  await api.POST("/api/detect", { body: { prompt: "What is this?" } });
  // @ts-expect-error no such currency
  await api.POST("/api/workspaces", { body: { name: "x", currency: "EURO" } });
  // @ts-expect-error no such kind of photo
  await api.POST("/api/detect", { body: { image: IMAGE, kind: "cat" } });
  // @ts-expect-error the parameter of the path is left out
  await api.GET("/api/workspaces/{workspace_id}", {});
  // @ts-expect-error sign-in never answers this code
  expect(refused.error?.code === "changed_meanwhile", "");
  // @ts-expect-error nor is this one spelled so
  expect(second.error?.code === "changed_meanwile", "");
  // @ts-expect-error an answer has no such field
  expect(me.data?.user.phone === "", "");
  // @ts-expect-error what is there only after a look at `data` may be undefined
  expect(listed.data.data.length > 0, "");
  const role: components["schemas"]["NewInvite"] = { role: "staff" };
  // @ts-expect-error a number is meant
  role.max_uses = "3";
  type Refusal = operations["sign_in"]["responses"][401]["content"]["application/problem+json"]["code"];
  // @ts-expect-error the only code of that status is credentials_invalid
  const code: Refusal = "token_missing";
  expect(code !== undefined, "");
}

console.log(JSON.stringify({ workspace_id, detected: seen.data?.items.length, explained: explain(invalid.error) }));
