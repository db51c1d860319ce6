// How @supabase/lite answers for storage, brought to what Supabase Storage answers.
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

const PREFIX = "/storage/v1";

/** A mend of the answers to successful POSTs whose path matches. */
const answering = (path, mend) => ({
  fetch: (next) => async (request, context) => {
    if (request.method !== "POST" || !path.test(new URL(request.url).pathname)) return next(request, context);
    const asked = request.clone();
    const response = await next(request, context);
    if (!response.ok) return response;
    return Response.json(await mend(await response.json(), asked), { headers: { "access-control-allow-origin": "*" } });
  },
});

const relative = (url) => url.slice(PREFIX.length);

/** The clients read `signedURL` and put the address of storage before it. */
export const signedUrl = answering(/^\/storage\/v1\/object\/sign\/[^/]+\/./, ({ signedUrl }) => ({
  signedURL: relative(signedUrl),
}));

/** Signing several at once is answered by lite as signing one without a name: ask for each. */
export const signedUrls = {
  fetch: (next) => async (request, context) => {
    const { pathname } = new URL(request.url);
    if (request.method !== "POST" || !/^\/storage\/v1\/object\/sign\/[^/]+$/.test(pathname)) {
      return next(request, context);
    }
    const { paths = [], expiresIn } = await request.json();
    const headers = new Headers(request.headers);
    headers.delete("content-length");
    const sign = async (path) => {
      const url = `${request.url}/${path.split("/").map(encodeURIComponent).join("/")}`;
      const one = new Request(url, { method: "POST", headers, body: JSON.stringify({ expiresIn }) });
      const answer = await (await next(one, context)).json();
      const signedURL = answer.signedURL ?? null;
      return { path, signedURL, error: signedURL ? null : "Either the object does not exist or you do not have access to it" };
    };
    return Response.json(await Promise.all(paths.map(sign)));
  },
};

/** As `signedUrl`, for uploads, where the name is `url`. */
export const signedUploadUrl = answering(/^\/storage\/v1\/object\/upload\/sign\//, ({ signedUrl, token }) => ({
  url: relative(signedUrl),
  token,
}));

const folder = (name) => ({ name, id: null, updated_at: null, created_at: null, last_accessed_at: null, metadata: null });

/** A listing names what is in the folder: not the way to it, and a folder below by its name alone. */
export const oneFolderListed = answering(/^\/storage\/v1\/object\/list\//, async (objects, asked) => {
  const { prefix = "" } = await asked.json();
  const way = prefix && !prefix.endsWith("/") ? `${prefix}/` : prefix;
  const entries = new Map();
  for (const object of objects) {
    if (!object.name.startsWith(way)) continue;
    const [name, below] = object.name.slice(way.length).split("/", 2);
    entries.set(name, below === undefined ? { ...object, name } : folder(name));
  }
  return [...entries.values()];
});

/**
 * A file is what its uploader said it is, where lite guesses from the name; and it is closed after
 * reading, where lite leaves that to the garbage collector, which Node will stop doing.
 */
export const download = {
  app({ _storageAdapter: adapter, connection }) {
    adapter.getObject = async (bucket, key) => {
      const metadata = await adapter.headObject(bucket, key);
      const [object] = await connection.driver`
        select metadata ->> 'mimetype' as type from storage.objects where bucket_id = ${bucket} and name = ${key}`;
      return {
        httpStatusCode: 200,
        metadata: { ...metadata, mimetype: object?.type ?? metadata.mimetype },
        body: Readable.toWeb(createReadStream(adapter.filePath(bucket, key))),
      };
    };
  },
};
