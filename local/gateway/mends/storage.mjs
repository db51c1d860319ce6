// How @supabase/lite answers for storage, brought to what Supabase Storage answers.

/** A mend of the JSON that a POST under `path` is answered with. */
const answering = (path, mend) => ({
  fetch: (next) => async (request, context) => {
    if (request.method !== "POST" || !new URL(request.url).pathname.startsWith(path)) {
      return next(request, context);
    }
    const asked = request.clone();
    const response = await next(request, context);
    if (!response.ok) return response;
    const headers = new Headers(response.headers);
    headers.delete("content-length");
    const answer = await mend(await response.json(), asked);
    return new Response(JSON.stringify(answer), { status: response.status, headers });
  },
});

const relative = (url) => url?.replace(/^\/storage\/v1/, "");
const signed = ({ signedUrl, ...rest }) => ({ ...rest, signedURL: relative(signedUrl) || null });

/** The clients read `signedURL` and put the address of storage before it. */
export const signedUrl = answering("/storage/v1/object/sign/", (answer) =>
  Array.isArray(answer) ? answer.map(signed) : signed(answer),
);

/** The same for uploads, where the name is `url`. */
export const signedUploadUrl = answering("/storage/v1/object/upload/sign/", ({ signedUrl, token }) => ({
  url: relative(signedUrl),
  token,
}));

/** A listing names what is in the folder, not the way to it. */
export const namesInFolder = answering("/storage/v1/object/list/", async (objects, asked) => {
  const { prefix = "" } = await asked.json();
  const folder = prefix && !prefix.endsWith("/") ? `${prefix}/` : prefix;
  return objects.map((object) => ({
    ...object,
    name: object.name.startsWith(folder) ? object.name.slice(folder.length) : object.name,
  }));
});
