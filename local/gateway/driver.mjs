// Loaded before all else: corrects the source of the PostgreSQL driver as it is read.
//
// lite reserves a connection for each transaction, and postgres 3.4.9 loses its way when a reserved
// one is lost: its holder's next query ends the process, or goes to whatever connection has taken the
// place, in the midst of another client's transaction; those who wait for one may wait for ever.
import { registerHooks } from "node:module";

const corrections = {
  "/postgres/src/index.js": [
    // Who holds a lost connection is told so, and hands nothing back.
    [
      "    c.reserved.release = true\n",
      `    c.reserved.release = true
    let lost
    c.onclose = (error) => {
      lost = error
      while (queue.length) queue.shift().reject(error)
    }
`,
    ],
    [
      "    sql.release = () => {\n",
      `    sql.release = () => {
      if (lost) return
      c.onclose = null
`,
    ],
    [
      "    function handler(q) {\n      c.queue === full",
      `    function handler(q) {
      if (lost) return q.reject(lost)
      c.queue === full`,
    ],
    // Who waits for a connection stays in the queue until it has one or is refused, and no longer.
    [
      "const query = { reserve: resolve, reject }",
      "const query = { reserve: resolve, reject: (error) => { queries.remove(query); reject(error) } }",
    ],
    [
      "    queries.length && connect(c, queries.shift())\n  }\n}",
      `    const next = queries.shift()
    next?.reserve && queries.push(next)
    next && connect(c, next)
  }
}`,
    ],
  ],
  "/postgres/src/connection.js": [
    // What was not yet written, or not yet read, belongs to no other client.
    [
      "    incomings = null\n    clearImmediate(nextWriteTimer)\n",
      `    incomings = null
    clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
`,
    ],
    [
      "    closedTime = performance.now()\n    hadError",
      `    query = results = errorResponse = null
    closedTime = performance.now()
    hadError`,
    ],
    // The loss of the connection is told elsewhere; a rejection that nobody handles ends the process.
    ["return fetchArrayTypes()", "return fetchArrayTypes().catch(() => {})"],
  ],
};

/** Replace, or fail: a text that is no longer there means another version, to be looked at. */
function correct(source, [text, replacement]) {
  if (source.split(text).length !== 2) throw new Error(`driver.mjs no longer fits the driver: ${text}`);
  return source.replace(text, () => replacement);
}

if (!(process.env.WITHOUT_MENDS ?? "").split(",").includes("lostConnections")) {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const found = Object.entries(corrections).find(([path]) => url.endsWith(path));
      return found ? { ...loaded, source: found[1].reduce(correct, String(loaded.source)) } : loaded;
    },
  });
}
